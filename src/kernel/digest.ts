import { createHash } from 'node:crypto'
import { canonicalJson } from './json.ts'

/** SHA-256 in lower-case hex: the name of some bytes. */
export type Digest = string & { readonly __digest: 'sha256' }

export const digestOf = (bytes: Uint8Array | string): Digest =>
  createHash('sha256').update(bytes).digest('hex') as Digest

/** The digest of a JSON value, independent of the order of its keys. */
export const digestOfJson = (value: unknown): Digest => digestOf(canonicalJson(value))
