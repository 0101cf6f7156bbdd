import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from './routes-file.ts'
import type { Supervisor } from './supervisor.ts'

/** Keeps a file that tells the model server something, for its owner's eyes: written when it says something else. */
export function toldFile(path: string, supervisor: Pick<Supervisor, 'tell'>): (told: object) => Promise<void> {
  let written = ''
  return async told => {
    const text = JSON.stringify(told)
    if (text === written) return
    await mkdir(dirname(path), { recursive: true })
    await replaceFile(path, text, 0o600)
    written = text
    supervisor.tell()
  }
}
