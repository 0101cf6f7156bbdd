/** The servers that are measured side by side: MLflow's own and ours, each on SQLite and on PostgreSQL. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { pythonWith } from '../test/mlflow/environment.ts'
import { startMlflow, startOurs } from '../test/mlflow/servers.ts'

export interface Contender {
  readonly product: 'MLflow' | 'Trainyard'
  readonly engine: 'SQLite' | 'PostgreSQL'
}

export interface Running {
  readonly url: string
  /** Of the server and all processes that it has started. */
  residentMiB(): Promise<number>
  /** Where its state is: a file or an address of PostgreSQL. */
  readonly database: string
  stop(): Promise<void>
}

/** A contender's state, which outlives its server. */
export interface Place {
  start(): Promise<Running>
}

const newestMlflow = 'mlflow-3.17.2'
const postgres = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- a benchmark is a process of its own

/** With PostgreSQL only where the environment names one. */
export const contenders: readonly Contender[] = (['SQLite', 'PostgreSQL'] as const)
  .filter(engine => engine === 'SQLite' || postgres)
  .flatMap(engine => (['MLflow', 'Trainyard'] as const).map(product => ({ product, engine })))

/** Gives a contender an empty place, and takes it away afterwards. */
export async function withPlace<T>(contender: Contender, use: (place: Place) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-tracking-'))
  const name = `bench_${process.pid}_${Date.now()}`
  if (contender.engine === 'PostgreSQL') await asAdministrator(`create database ${name}`)
  try {
    return await use({ start: () => start(contender, folder, name) })
  } finally {
    if (contender.engine === 'PostgreSQL') await asAdministrator(`drop database ${name} with (force)`)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Gives a contender an empty place and a server on it. */
export const withServer = <T>(contender: Contender, use: (server: Running) => Promise<T>): Promise<T> =>
  withPlace(contender, async place => {
    const server = await place.start()
    try {
      return await use(server)
    } finally {
      await server.stop()
    }
  })

async function start({ product, engine }: Contender, folder: string, name: string): Promise<Running> {
  const address = engine === 'PostgreSQL' ? addressOf(name) : undefined
  const file = join(folder, product === 'MLflow' ? 'mlflow.db' : 'trainyard.db')
  if (product === 'MLflow') {
    const python = await pythonWith(newestMlflow)
    const server = await startMlflow({
      python,
      folder,
      ...(address && { database: address.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:') }),
    })
    return {
      url: server.url,
      database: address ?? file,
      residentMiB: () => residentMiB(server.pid),
      stop: () => server.stop(),
    }
  }
  const env = { TRAINYARD_LOG_LEVEL: 'warn', ...(address && { TRAINYARD_DATABASE: address }) }
  const server = await startOurs(folder, env)
  return {
    url: server.url,
    database: address ?? file,
    residentMiB: () => residentMiB(server.pid),
    stop: () => server.stop(),
  }
}

function addressOf(database: string): string {
  const url = new URL(postgres!)
  url.pathname = `/${database}`
  return url.href
}

async function asAdministrator(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgres })
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** What a process and its descendants hold. Pages that they share are counted for each. */
async function residentMiB(pid: number): Promise<number> {
  const statuses = await Promise.all(
    (await readdir('/proc'))
      .filter(name => /^\d+$/.test(name))
      .map(async name => ({ pid: Number(name), text: await readFile(`/proc/${name}/status`, 'utf8').catch(() => '') })),
  )
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
  const family = new Set([pid])
  // A child's number may be smaller than its parent's: until nothing is added.
  for (let size = 0; size < family.size;) {
    size = family.size
    for (const { pid: child, text } of statuses) if (family.has(number(text, /PPid:\s+(\d+)/))) family.add(child)
  }
  const kib = statuses.filter(status => family.has(status.pid)).map(({ text }) => number(text, /VmRSS:\s+(\d+) kB/))
  return Math.round(kib.reduce((sum, value) => sum + value, 0) / 1024)
}
