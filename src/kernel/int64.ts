import { invalid } from './error.ts'

/**
 * A whole number of 64 bits, to its last digit: a number within ±2^53, and a bigint beyond. One value has one form, so
 * that `===` and `<` mean what they say.
 */
export type Int64 = number | bigint

const [least, greatest] = [-(2n ** 63n), 2n ** 63n - 1n]

export const isInt64 = (text: string): boolean =>
  /^-?\d{1,19}$/.test(text) && BigInt(text) >= least && BigInt(text) <= greatest

/** What a number, a bigint or decimal digits say. Throws `invalid` on what is no whole number of 64 bits. */
export function int64Of(value: number | bigint | string): Int64 {
  const near = Number(value)
  if (Number.isSafeInteger(near) && value !== '') return near
  if (typeof value === 'bigint' || (typeof value === 'string' && isInt64(value))) return BigInt(value)
  throw invalid('This is no whole number.', [{ field: '', value, allowed: 'a whole number of 64 bits' }])
}

export const compareInt64 = (a: Int64, b: Int64): number => (a < b ? -1 : a > b ? 1 : 0)

/** For JSON that is read by whoever takes numbers for doubles: beyond 2^53 the digits are a text. {@link int64Of} reads it. */
export const int64Text = (value: Int64): number | string => (typeof value === 'bigint' ? String(value) : value)

/** For JSON that is read by whoever takes whole numbers for what they are, as Python does. */
export const int64Json = (value: Int64): unknown =>
  typeof value === 'bigint' ? (JSON as RawJson).rawJSON(String(value)) : value

/** ECMAScript 2026: not in the types yet. */
interface RawJson extends JSON {
  rawJSON(text: string): unknown
}
