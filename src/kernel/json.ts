export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** JSON with sorted keys and no undefined: equal values have equal text [after RFC 8785]. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`
}

/** Such a one is not within ±2^53, or it is a word of a text. Digits behind a point are none. */
const longNumber = /(?<![\d.])\d{16}/

/**
 * JSON in which whole numbers beyond 2^53 are their digits, as a text: all of them, or the fields with such a name.
 * Throws `SyntaxError`.
 */
export function parseExactly(text: string, isExact: (name: string) => boolean = () => true): unknown {
  if (!longNumber.test(text)) return JSON.parse(text)
  const keep: Reviver = (name, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) && isExact(name)
      ? source
      : value
  return JSON.parse(text, keep as (name: string, value: unknown) => unknown)
}

/** The third argument of ECMAScript 2026 is not in the types yet. */
export type Reviver = (name: string, value: unknown, context: { readonly source: string }) => unknown
