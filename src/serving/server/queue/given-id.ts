import { createHash } from 'node:crypto'

/**
 * The id of a prediction that whoever asks again about the same thing gets again: a UUID of version 7 by its form, with an
 * instant, and with a digest where others have chance.
 */
export function givenId(at: number, text: string): string {
  const digest = createHash('sha256').update(text).digest('hex')
  const ms = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0')
  const variant = ((Number.parseInt(digest[3]!, 16) & 3) | 8).toString(16)
  return `prd_${ms.slice(0, 8)}-${ms.slice(8)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`
}
