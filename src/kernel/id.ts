import { randomUUIDv7 } from 'node:crypto'

/** An identifier of one kind: `run_01a1facd-…`. The prefix is read by people, the brand by the compiler. */
export type Id<Kind extends string> = string & { readonly __id: Kind }

/**
 * A new identifier [RFC 9562, UUID version 7]. Those of one process sort in the order of their making, also within a
 * millisecond (section 6.2, method 1): lists page by them.
 */
export function newId<Kind extends string>(prefix: string): Id<Kind> {
  const uuid = randomUUIDv7()
  const now = Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
  if (now > last.ms) last = { ms: now, count: 0 }
  else last = last.count < countMax ? { ms: last.ms, count: last.count + 1 } : { ms: last.ms + 1, count: 0 }
  const ms = last.ms.toString(16).padStart(12, '0')
  return `${prefix}_${ms.slice(0, 8)}-${ms.slice(8)}-7${last.count.toString(16).padStart(3, '0')}${uuid.slice(18)}` as Id<Kind>
}

const countMax = 0xfff
let last = { ms: 0, count: 0 }

/** What sorts before every identifier that is made at an instant or later, and after those made before. */
export function firstId(prefix: string, at: number): string {
  const hex = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0')
  return `${prefix}_${hex.slice(0, 8)}-${hex.slice(8)}-7`
}

/** The instant at which a version 7 identifier was made, in milliseconds since the epoch; undefined for other text. */
export function instantOf(id: string): number | undefined {
  const hex = /(?:^|_)([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id)
  return hex ? Number.parseInt(hex[1]! + hex[2]!, 16) : undefined
}
