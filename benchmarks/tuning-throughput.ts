/**
 * Durable trials a second, each asked for and told over HTTP by one worker after the other, and by four at once: SQLite
 * with full synchronisation, in a new study and in one of 10,000 trials. Beside it Optuna in its own process on its SQLite
 * storage, without HTTP, and what the disk allows: two commits of one row for each trial.
 *
 *   node benchmarks/tuning-throughput.ts [--quick]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { startOurs } from '../test/mlflow/servers.ts'
import { createCall, type Call } from './load.ts'
import { printTable } from './table.ts'
import { startPeer } from './tuning-peer.ts'

const quick = process.argv.includes('--quick')
const trials = quick ? 100 : 500
const many = quick ? 1_000 : 10_000
const space = Object.fromEntries(
  Array.from({ length: 5 }, (_, index) => [`x${index}`, { type: 'float', low: 0, high: 1 }]),
)
const studies = '/api/v1/projects/default/studies'

interface Asked {
  readonly trials: readonly { readonly number: number; readonly params: Readonly<Record<string, number>> }[]
}

async function post<Answer>(call: Call, path: string, body: object): Promise<Answer> {
  const { status, text } = await call('POST', path, JSON.stringify(body))
  if (status >= 300) throw new Error(`${path} answers ${status}: ${text}`)
  return JSON.parse(text) as Answer
}

const begin = (call: Call, name: string): Promise<unknown> =>
  post(call, studies, { name, space, metric: 'loss', direction: 'minimise', trials: 100_000 })

async function runOne(call: Call, name: string, count = 1): Promise<void> {
  const { trials: given } = await post<Asked>(call, `${studies}/${name}/trials`, { count })
  await Promise.all(
    given.map(({ number, params }) => {
      const value = Object.values(params).reduce((sum, x) => sum + (x - 0.3) ** 2, 0)
      return post(call, `${studies}/${name}/trials/${number}`, { value })
    }),
  )
}

async function rate(call: Call, name: string, workers: number): Promise<number> {
  const began = performance.now()
  let left = trials
  const work = async (): Promise<void> => {
    while (left-- > 0) await runOne(call, name)
  }
  await Promise.all(Array.from({ length: workers }, work))
  return (trials / (performance.now() - began)) * 1_000
}

function diskRate(path: string): number {
  const db = new DatabaseSync(path)
  db.exec('pragma journal_mode = wal; pragma synchronous = full; create table trial (number integer, value real)')
  const insert = db.prepare('insert into trial values (?, ?)')
  const began = performance.now()
  for (let commit = 0; commit < 2 * trials; commit++) insert.run(commit, 0)
  const took = performance.now() - began
  db.close()
  return (trials / took) * 1_000
}

const folder = await mkdtemp(join(tmpdir(), 'trainyard-tuning-'))
const server = await startOurs(folder, { TRAINYARD_LOG_LEVEL: 'warn' })
const peer = await startPeer()
const rows: Record<string, string | number>[] = []
try {
  const call = createCall(server.url)
  await begin(call, 'warm')
  for (let index = 0; index < 50; index++) await runOne(call, 'warm')
  for (const before of [0, many]) {
    const name = `study-${before}`
    await begin(call, name)
    for (let count = 0; count < before; count += 100) await runOne(call, name, 100)
    const one = await rate(call, name, 1)
    const four = await rate(call, name, 4)
    const stored = join(folder, `optuna-${before}.db`)
    const theirs = await peer.ask({ stored, space, trials: quick ? 30 : 100, before })
    rows.push({
      'trials before': before,
      'Trainyard, 1 worker': Math.round(one),
      'Trainyard, 4 workers': Math.round(four),
      'Optuna on SQLite': Math.round(theirs),
      'the disk alone': Math.round(diskRate(join(folder, `disk-${before}.db`))),
    })
  }
} finally {
  peer.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
printTable('Durable trials a second (goal: 200)', rows)
