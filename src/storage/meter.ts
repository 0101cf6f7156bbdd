import { createHash } from 'node:crypto'
import { Transform, Writable, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Digest } from '#kernel/digest.ts'

/** What has passed. */
export interface Measured {
  readonly digest: Digest
  /** Length in bytes. */
  readonly size: number
}

/** A stream that lets bytes through, and hashes and counts them. */
export interface Meter {
  readonly through: Transform
  /** Once all has passed. */
  result(): Measured
}

export interface MeterChoices {
  onBytes?(bytes: number): void
  /** What the stream fails with at its end, when the bytes are not what they should be. */
  refuse?(found: Digest): Error | undefined
}

export function createMeter({ onBytes, refuse }: MeterChoices = {}): Meter {
  const hash = createHash('sha256')
  let size = 0
  let digest: Digest | undefined
  const through = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      size += chunk.length
      onBytes?.(chunk.length)
      done(null, chunk)
    },
    flush(done) {
      digest = hash.digest('hex') as Digest
      done(refuse?.(digest))
    },
  })
  return { through, result: () => ({ digest: digest!, size }) }
}

/** Reads bytes to their end, to know what they are. */
export async function measure(bytes: Readable, choices?: MeterChoices): Promise<Measured> {
  const { through, result } = createMeter(choices)
  await pipeline(bytes, through, new Writable({ write: (_, __, done) => done() }))
  return result()
}
