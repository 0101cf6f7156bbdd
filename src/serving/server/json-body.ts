import { RoundedInteger, show } from './bind.ts'
import { badRequest, RequestError } from './request-error.ts'

/** Bodies in JSON, as clients in Python write it: with NaN and Infinity, and with integers of 64 bits. */

/** A member of a body by its name. */
export type Members = Readonly<Record<string, unknown>>

export interface JsonBody {
  readonly members: Members
  readonly text: string
}

/** Larger ones are for binary tensors: parsed, JSON takes up to thirty times its length, and holds up everybody meanwhile. */
const jsonBytesMax = 16 * 1024 * 1024
/** Lists and objects, each of which takes some sixty bytes, however short its text. */
const nestsMax = 1_000_000

/** Reads a body that has to be an object; `what` says of what kind. Throws `RequestError` when it is not. */
export function readJson(bytes: Buffer, what: string): JsonBody {
  requireMeasure(bytes)
  // A byte order mark, as programs on Windows write it [RFC 8259, 8.1].
  const text = bytes.toString().replace(/^\uFEFF/, '')
  return { members: requireObject(parse(text), what), text }
}

/** Throws `RequestError` 413 for a text that would take too much memory. */
function requireMeasure(bytes: Buffer): void {
  if (bytes.length > jsonBytesMax)
    throw new RequestError(
      'too_large',
      `The JSON has ${bytes.length} bytes, at most ${jsonBytesMax} are read; send more as binary tensors, or in several requests.`,
    )
  if (bytes.length <= nestsMax) return
  let nests = 0
  for (const byte of bytes) if (byte === openList || byte === openObject) nests++
  if (nests > nestsMax)
    throw new RequestError('too_large', `The JSON has ${nests} lists and objects, at most ${nestsMax} are read.`)
}

const [openList, openObject] = [...Buffer.from('[{')] as [number, number]

/**
 * Binds a body, and once more with all digits of its integers when a number cannot hold one of them: reading them costs
 * ten times what JSON.parse does.
 */
export function bindJson<Result>({ members, text }: JsonBody, bind: (members: Members) => Result): Result {
  try {
    return bind(members)
  } catch (error) {
    if (!(error instanceof RoundedInteger)) throw error
    return bind(parse(text, exactInteger) as Members)
  }
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown

/** JSON.parse with the reviver's third argument, which its types do not have. */
const parseWith = JSON.parse as (text: string, reviver?: Reviver) => unknown

function parse(text: string, reviver?: Reviver): unknown {
  try {
    return parseWith(text, reviver)
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw notJson(error)
  }
  try {
    // `1e999` is read as Infinity. A text cannot hold a lone NUL unescaped: the mark is nobody else's.
    return parseWith(text.replaceAll(tokens, named), (key, value, context) =>
      value === nanMark ? NaN : reviver ? reviver(key, value, context) : value,
    )
  } catch (error) {
    throw notJson(error)
  }
}

const notJson = (error: unknown) => badRequest(`The body is not JSON: ${(error as Error).message}`)

/** Texts, which are passed over, and the tokens that JSON does not have. */
const tokens = /"(?:[^"\\]|\\.)*(?:"|$)|-?\bInfinity\b|\bNaN\b/gs
const nanMark = '\u0000trainyard NaN'

function named(token: string): string {
  if (token === 'NaN') return JSON.stringify(nanMark)
  if (token === 'Infinity') return '1e999'
  return token === '-Infinity' ? '-1e999' : token
}

/** Digits of 64 bits at most: more would be costly to read, and no input takes them. */
const digitsMax = 20

const exactInteger: Reviver = (_, value, { source = '' }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source.length <= digitsMax && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value

export function requireObject(value: unknown, what: string): Members {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Members
  throw badRequest(`${what}, not ${show(value)}.`)
}
