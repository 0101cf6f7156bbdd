import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { openDatabase } from '#storage'

/** What a process has said, and the signal that ended it. */
export interface Ended {
  readonly signal: string | null
  readonly answer: string
  readonly complaint: string
}

/** Runs a module as a process, to its end or to its crash. */
export function runChild(module: URL, args: readonly string[], crashPoint?: string): Promise<Ended> {
  const child = fileURLToPath(module)
  const env = { ...(crashPoint && { TRAINYARD_CRASHPOINT: crashPoint }) }
  const running = spawn(process.execPath, [child, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 240_000,
  })
  let answer = ''
  let complaint = ''
  running.stdout.on('data', (bytes: Buffer) => (answer += bytes.toString()))
  running.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()))
  return new Promise(resolve => running.on('close', (_, signal) => resolve({ signal, answer, complaint })))
}

/** A new database in the same PostgreSQL, as processes see it. */
async function postgres(t: TestContext, url: string): Promise<string> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const admin = openDatabase(url)
  await sql.raw(`create schema ${schema}`).execute(admin)
  t.after(async () => {
    await sql.raw(`drop schema ${schema} cascade`).execute(admin)
    await admin.destroy()
  })
  return `${url}?options=-c%20search_path%3D${schema}`
}

const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine
/** Ways to an empty database that several processes can open. */
export const sharedEngines: Readonly<Record<string, (t: TestContext, folder: string) => Promise<string>>> = {
  sqlite: async (_, folder) => `sqlite:${join(folder, 'state.sqlite')}`,
  ...(url && { postgres: (t: TestContext) => postgres(t, url) }),
}
