/**
 * The servers that are measured side by side: MLflow's own and ours, each on SQLite and on PostgreSQL.
 *
 * `--engine=SQLite`: on this one alone. `--keep`: what takes minutes to fill stays in .trainyard/benchmarks (and in
 * databases `trainyard_benchmark_…`) and is used again; `--fill`: it is filled, and nothing is measured.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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

const onlyEngine = process.argv.find(arg => arg.startsWith('--engine='))?.slice('--engine='.length)
const isFilling = process.argv.includes('--fill')
const isKeeping = isFilling || process.argv.includes('--keep')

/** With PostgreSQL only where the environment names one. */
export const contenders: readonly Contender[] = (['SQLite', 'PostgreSQL'] as const)
  .filter(engine => engine === 'SQLite' || postgres)
  .filter(engine => onlyEngine === undefined || engine === onlyEngine)
  .flatMap(engine => (['MLflow', 'Trainyard'] as const).map(product => ({ product, engine })))

/** Gives a contender an empty place, and takes it away afterwards. */
async function withPlace<T>(contender: Contender, use: (place: Place) => Promise<T>): Promise<T> {
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

interface Filled<Facts> {
  /** What is filled, in one word. */
  readonly name: string
  /** Fills an empty place. What it finds out is kept as JSON. */
  fill(place: Place): Promise<Facts>
}

/** Gives a contender a place that is filled; kept ones are filled once. Undefined when nothing is to be measured. */
export async function withFilled<Facts, T>(
  contender: Contender,
  { name, fill }: Filled<Facts>,
  use: (place: Place, facts: Facts) => Promise<T>,
): Promise<T | undefined> {
  if (!isKeeping) return withPlace(contender, async place => use(place, await fill(place)))
  const folder = join(keptFolder, `${name}-${contender.product}-${contender.engine}`.toLowerCase())
  const database = `trainyard_benchmark_${name}_${contender.product}`.toLowerCase().replaceAll('-', '_')
  const facts = join(folder, 'facts.json')
  const place = { start: () => start(contender, folder, database) }
  const known = await readFile(facts, 'utf8').catch(() => undefined)
  if (known === undefined) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    if (contender.engine === 'PostgreSQL') {
      await asAdministrator(`drop database if exists ${database} with (force)`)
      await asAdministrator(`create database ${database}`)
    }
    await writeFile(facts, JSON.stringify(await fill(place)))
  }
  return isFilling ? undefined : use(place, JSON.parse(await readFile(facts, 'utf8')) as Facts)
}

const keptFolder = join(import.meta.dirname, '../.trainyard/benchmarks')

/** Gives a contender an empty place and a server on it. */
export const withServer = <T>(contender: Contender, use: (server: Running) => Promise<T>): Promise<T> =>
  withPlace(contender, place => withRunning(place, use))

export async function withRunning<T>(place: Place, use: (server: Running) => Promise<T>): Promise<T> {
  const server = await place.start()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

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
