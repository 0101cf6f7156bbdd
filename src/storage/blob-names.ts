import type { Digest } from '#kernel/digest.ts'
import type { Blobs } from './blobs.ts'

const length = 64
/** JSON may write any character as six: a digest that spans two chunks is whole in so much of both. */
const overlap = length * 6

export interface Named {
  readonly digest: Digest
  /** One of several digests without anything between them, at most: not 64 characters somewhere in data. */
  readonly isName: boolean
}

const nameMax = 3 * length

/** Every digest that a text may name: all 64 characters in a row that are hexadecimal, within longer rows too. */
export function* digestsIn(text: string): Generator<Named> {
  for (const { 0: row } of text.matchAll(/[0-9a-f]{64,}/g))
    for (let at = 0; at + length <= row.length; at++)
      yield { digest: row.slice(at, at + length) as Digest, isName: row.length <= nameMax }
}

/**
 * The digests that a blob names, when it is JSON. These are all the blobs that refer to others: trees (code snapshots,
 * serving bundles, files of model versions) and the records of evaluations. Bytes of any other kind refer to nothing.
 * None for a digest without bytes: much in a database looks like one. Throws when the bytes are damaged.
 */
export async function* namesIn(blobs: Pick<Blobs, 'find' | 'read'>, digest: Digest): AsyncGenerator<Named> {
  if (!(await blobs.find(digest))) return
  const bytes = await blobs.read(digest)
  let carried = ''
  let isJson: boolean | undefined
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const text = carried + chunk.toString('latin1')
    isJson ??= startsJson(text)
    if (isJson === false) return
    yield* digestsIn(text)
    if (text.includes('\\u')) yield* digestsIn(unescaped(text))
    carried = text.slice(-overlap)
  }
}

/** Undefined as long as there is only white space. */
function startsJson(text: string): boolean | undefined {
  const first = text.trimStart()[0]
  return first === undefined ? undefined : first === '{' || first === '['
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
