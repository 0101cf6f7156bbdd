/**
 * JSON whose whole numbers beyond 2^53 are their text: nanoseconds and 64-bit integers stay what they are, and
 * protobuf's JSON has them as text anyway.
 */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, ((_: string, value: unknown, { source }: { source: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? source : value) as Reviver)

/** A value of JSON text as OpenTelemetry's; `1` is an integer and `1.0` is not. Throws `SyntaxError`. */
export const anyValueOf = (text: string): object =>
  JSON.parse(text, ((_: string, value: unknown, { source }: { source: string }) =>
    anyValue(value, source)) as Reviver) as object

/** The third argument of ECMAScript 2026 is not in the types yet. */
type Reviver = (key: string, value: unknown) => unknown

function anyValue(value: unknown, source: string): object {
  if (value === null) return {}
  if (typeof value === 'string') return { string_value: value }
  if (typeof value === 'boolean') return { bool_value: value }
  if (typeof value === 'number') return /^-?\d+$/.test(source) ? { int_value: source } : { double_value: value }
  // What is inside has been made a value before.
  if (Array.isArray(value)) return { array_value: { values: value as unknown[] } }
  return {
    kvlist_value: { values: Object.entries(value as object).map(([key, inner]) => ({ key, value: inner as object })) },
  }
}
