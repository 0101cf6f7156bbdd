import { createHmac, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'

let key: Buffer | undefined

/** Reads the key of this folder's hashes, or makes it: the first one stays, whoever else is making one. */
export async function openRedaction(file: string): Promise<void> {
  await writeFile(file, randomBytes(32), { flag: 'wx', mode: 0o600, flush: true }).catch((error: { code?: string }) => {
    if (error.code !== 'EEXIST') throw error
  })
  key = await readFile(file)
}

/** What stands in the log for a value: equal values have equal ones, and nobody without the key can try values. */
export function redacted(value: string): string {
  if (!key) throw new Error('The key of redaction has not been read.')
  return createHmac('sha256', key).update(value).digest('base64url').slice(0, 22)
}
