import type { Reviver } from '#kernel/json.ts'

/** A value of JSON text as OpenTelemetry's; `1` is an integer and `1.0` is not. Throws `SyntaxError`. */
export const anyValueOf = (text: string): object =>
  JSON.parse(text, anyValue as (name: string, value: unknown) => unknown) as object

const anyValue: Reviver = (_, value, { source }) => {
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
