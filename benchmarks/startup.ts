import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer } from '../test/server.ts'
import { printTable } from './table.ts'

/** Start of the server until it answers, on an empty and on a used data folder, and its memory when idle for 5 s. */

const idleMs = 5_000
const rounds = 5

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024
}

const data = await mkdtemp(join(tmpdir(), 'trainyard-startup-'))
const rows = []
for (let round = 1; round <= rounds; round++) {
  const before = performance.now()
  const server = await startServer({ data })
  const readyMs = performance.now() - before
  await sleep(idleMs)
  const memory = await residentMiB(server.pid)
  await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
  await server.stop()
  rows.push({
    round,
    folder: round === 1 ? 'empty' : 'used',
    'ready ms': Math.round(readyMs),
    'limit ms': 1_000,
    'idle MiB': Math.round(memory),
    'limit MiB': 200,
  })
}
await rm(data, { recursive: true })
printTable('Server: start and idle memory', rows)
