import type { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import type { SecretWire } from './wire.ts'

/** What may be known of a secret: who set it and when, and who has used it last. Never its value. */
export type Secret = z.output<typeof SecretWire>

/** Shorter ones cannot be hidden in a log without hiding other words with them. */
const charactersMin = 4
const bytesMax = 64 * 1024

/** Throws `invalid`, without the value. */
export function checkValue(name: string, value: string): void {
  const problem = wrongWith(value)
  if (problem !== undefined)
    throw invalid(`The value of ${name} is not accepted.`, [{ field: 'value', allowed: problem }])
}

function wrongWith(value: string): string | undefined {
  if (value.length < charactersMin)
    return `at least ${charactersMin} characters: a shorter one could not be masked in logs`
  if (Buffer.byteLength(value) > bytesMax) return `at most ${bytesMax >> 10} KiB`
  if (value.includes('\0')) return 'no U+0000, which an environment variable cannot hold'
  return value.trim() === '' ? 'more than white space' : undefined
}
