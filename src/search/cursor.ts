import { digestOfJson } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'

export type CursorValue = string | number | null

/** Longer than any cursor that we give: a key and a few values. */
const cursorMax = 64_000

/** Where a page ended: the values of its order terms in the last row, as base64url of JSON. */
export function encodeCursor(values: readonly CursorValue[]): string {
  if (values.some(value => typeof value === 'number' && !Number.isFinite(value))) {
    throw new RangeError('A cursor holds finite numbers: JSON has no others.')
  }
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

/** The values of a cursor. Throws `invalid` unless it is one of `length` values. */
export function decodeCursor(text: string, length: number): readonly CursorValue[] {
  const values = text.length > cursorMax ? undefined : readJson(Buffer.from(text, 'base64url').toString())
  if (!Array.isArray(values) || values.length !== length || !values.every(isCursorValue)) throw malformed(text)
  return values
}

/** The cursors of one search, each good for that search alone: in another one it would say nothing of where it goes on. */
export interface Cursors {
  encode(values: readonly CursorValue[]): string
  /** Throws `invalid` unless it is one of `length` values that this search has given. */
  decode(text: string, length: number): readonly CursorValue[]
}

/**
 * `search` is what makes it this search: filter, order, and what else decides which rows there are. Left out is what may
 * grow while pages are read, such as the experiments of a project.
 */
export function cursorsOf(search: unknown): Cursors {
  const fingerprint = digestOfJson(search).slice(0, 16)
  return {
    encode: values => encodeCursor([fingerprint, ...values]),
    decode(text, length) {
      const [given, ...values] = decodeCursor(text, length + 1)
      if (given === fingerprint) return values
      throw invalid('The page token is of another search.', [
        {
          field: 'page_token',
          value: text,
          allowed: 'the token of the page before, with the same filter and order',
        },
      ])
    },
  }
}

/** A page token that this search did not give. */
export const malformed = (text: string | undefined): Error =>
  invalid('The page token is malformed.', [
    { field: 'page_token', value: text, allowed: 'the token of the page before, in the same search and order' },
  ])

// PostgreSQL stores no NUL in text, and refuses it in a parameter.
const isCursorValue = (value: unknown): value is CursorValue =>
  value === null || Number.isFinite(value) || (typeof value === 'string' && !value.includes('\0'))

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
