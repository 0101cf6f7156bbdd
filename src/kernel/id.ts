import { randomFillSync } from 'node:crypto'

/** An identifier of one kind: `run_01a1facd-…`. The prefix is read by people, the brand by the compiler. */
export type Id<Kind extends string> = string & { readonly __id: Kind }

/**
 * A new identifier [RFC 9562, UUID version 7]. Those of one process sort in the order of their making, also within a
 * millisecond (section 6.2, method 1): lists page by them.
 */
export function newId<Kind extends string>(prefix: string): Id<Kind> {
  const now = Date.now()
  if (now > last.ms) last = instant(now)
  else if (last.count === countMax) last = instant(last.ms + 1)
  else last.count++
  return `${prefix}_${last.head}${last.count.toString(16).padStart(3, '0')}-${chance()}` as Id<Kind>
}

const countMax = 0xfff

const pool = Buffer.alloc(8 * 512)
let drawn = pool.length
let digits = ''

/** The variant and 62 bits of chance, as identifiers end. Drawn for many at once: it halves the time that one takes. */
function chance(): string {
  if (drawn === pool.length) {
    drawn = 0
    randomFillSync(pool)
    for (let at = 0; at < pool.length; at += 8) pool[at] = 0x80 | (pool[at]! & 0x3f)
    digits = pool.toString('hex')
  }
  const at = drawn * 2
  drawn += 8
  return `${digits.slice(at, at + 4)}-${digits.slice(at + 4, at + 16)}`
}

/** A millisecond as identifiers begin that are made in it. */
function instant(ms: number): { readonly ms: number; readonly head: string; count: number } {
  const hex = ms.toString(16).padStart(12, '0')
  return { ms, head: `${hex.slice(0, 8)}-${hex.slice(8)}-7`, count: 0 }
}

let last = instant(0)

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
