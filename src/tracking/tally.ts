import { createHash } from 'node:crypto'

/** How many things there are, and a digest over them that does not depend on their order. */
export interface Tally {
  readonly count: number
  /** 64 hex digits: the sum of the SHA-256 of each thing's JSON, modulo 2^256. */
  readonly digest: string
}

/**
 * Counts things of which two ledgers should have the same. Mistakes and losses are found so, not forgeries: for sums of
 * hashes a second preimage can be made.
 */
export function createTally(): { add(thing: readonly unknown[]): void; value(): Tally } {
  let count = 0
  let sum = 0n
  return {
    add(thing) {
      count++
      sum += BigInt(`0x${createHash('sha256').update(JSON.stringify(thing)).digest('hex')}`)
    },
    value: () => ({ count, digest: BigInt.asUintN(256, sum).toString(16).padStart(64, '0') }),
  }
}

export function tallyOf(things: Iterable<readonly unknown[]>): Tally {
  const tally = createTally()
  for (const thing of things) tally.add(thing)
  return tally.value()
}
