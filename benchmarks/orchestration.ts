/**
 * How fast the engine goes from task to task, and how many results it keeps: on SQLite with full synchronisation, and on
 * PostgreSQL when TRAINYARD_TEST_POSTGRES says where there is one.
 *
 *   node benchmarks/orchestration.ts [--chain 200] [--wide 5000] [--python 40]
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { composeBench } from '../src/compute/testing.ts'
import { wallClock } from '../src/kernel/clock.ts'
import { engineOf, migrate, openDatabase, runRows, type Db } from '../src/storage/index.ts'
import { command, compose, migrations, task, type TestBed } from '../src/workflow/test-bed.ts'
import { printTable } from './table.ts'

const numberOf = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const [chain, wide, long] = [numberOf('--chain', 200), numberOf('--wide', 5_000), numberOf('--python', 40)]
const postgres = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- a benchmark is a process of its own

const rows: { database: string; what: string; value: string | number; anchor: string }[] = []
async function measure(database: string, address: (folder: string) => Promise<string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-orchestration-'))
  const url = await address(folder)
  const db = openDatabase(url)
  await migrate(db, migrations)
  const bed = compose({ db, folder, clock: wallClock, deps: { parallelPlatformTasks: 1024, parallelTasks: 4 } })
  bed.workflow.provide('nothing', async () => ({}))
  const { executor } = composeBench(folder)
  bed.workflow.useExecutor(executor)
  await bed.workflow.startScheduler()
  const note = (what: string, value: string | number, anchor: string): void =>
    void rows.push({ database, what, value, anchor })

  note('a transaction of one row, p50 ms', at(await commits(db), 0.5).toFixed(1), 'a gap holds one')
  const gaps = await chained(bed)
  note('gap between two chained tasks, p50 ms', at(gaps, 0.5).toFixed(1), '5 or less')
  note('gap between two chained tasks, p99 ms', at(gaps, 0.99).toFixed(1), '50 or less')
  const goal = database === 'PostgreSQL' ? 20_000 : 2_000
  const anchor = goal.toLocaleString('en')
  const tell = (what: string, { perSecond, serverUs, databaseUs }: Spent): void => {
    note(`${what}, a second`, Math.round(perSecond), anchor)
    note('… processor time of the server for each, µs', Math.round(serverUs), '')
    if (databaseUs !== undefined) note('… and of the database, µs', Math.round(databaseUs), '')
    const cores = [serverUs, ...(databaseUs === undefined ? [] : [databaseUs])].map(us => (us * goal) / 1e6)
    note(`… so that ${anchor} take cores`, cores.map(count => count.toFixed(1)).join(' + '), '')
  }
  // A server has been up for a while: with its first tasks it is also compiled.
  await fanned(bed, 20)
  tell(`results kept, ${wide} tasks at once`, await fanned(bed, 1))
  tell('… of 20 runs', await fanned(bed, 20))
  if (database === 'PostgreSQL')
    await beside(url, async pid => {
      await fanned(bed, 20)
      tell('… with another server on this machine', await fanned(bed, 20, pid))
    })
  tell('the least: four rows for each, with nothing around', await floor(db))
  if (long > 0 && database !== 'PostgreSQL')
    note(`${long} chained Python tasks, s`, (await python(bed)).toFixed(2), '3 or less')

  await bed.workflow.stop()
  executor.stop()
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
}

/** What this disk takes to keep anything at all, in ms, sorted. */
async function commits(db: Db): Promise<readonly number[]> {
  await sql`create table benchmark_row (n bigint not null)`.execute(db)
  const took: number[] = []
  for (let n = 0; n < 100; n++) {
    const began = performance.now()
    await db.transaction().execute(tx => sql`insert into benchmark_row values (${n})`.execute(tx))
    took.push(performance.now() - began)
  }
  return took.toSorted((x, y) => x - y)
}

/** What lies between the call of a task and the call of the one before it, in ms, sorted; the tasks do nothing. */
async function chained({ workflow }: TestBed): Promise<readonly number[]> {
  const calls: number[] = []
  workflow.provide('chained', async () => {
    calls.push(performance.now())
    return {}
  })
  await ended(workflow, chainOf(chain, task('chained')))
  return calls
    .slice(1)
    .map((call, index) => call - calls[index]!)
    .toSorted((x, y) => x - y)
}

/** Beside the rate, what it costs here and in the database: that depends less on how busy the machine is. */
async function fanned({ db, workflow }: TestBed, runs: number, other?: number): Promise<Spent> {
  const tasks = Object.fromEntries(Array.from({ length: wide / runs }, (_, index) => [`t${index}`, task('nothing')]))
  return spent(db, () => Promise.all(Array.from({ length: runs }, () => ended(workflow, tasks))), other)
}

/** While another server works on the database too. */
async function beside(url: string, work: (pid: number) => Promise<void>): Promise<void> {
  const program = join(import.meta.dirname, 'orchestration-server.ts')
  const child = spawn(process.execPath, [program, url, 'other'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const isOver = once(child, 'exit')
  await once(child.stdout, 'data')
  await work(child.pid!)
  child.stdin.end()
  await isOver
}

/** What it takes to do something about so many tasks, for each of them; `other` is another server's process. */
async function spent(db: Db, work: () => Promise<unknown>, other?: number): Promise<Spent> {
  const cpu = async (): Promise<number> => (other === undefined ? 0 : (await processOf(other))!.ms)
  const [began, before, databaseBefore] = [performance.now(), process.cpuUsage(), await databaseCpu(db)]
  const otherBefore = await cpu()
  await work()
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - began) / 1_000
  const databaseAfter = await databaseCpu(db)
  return {
    perSecond: wide / seconds,
    serverUs: (user + system + ((await cpu()) - otherBefore) * 1_000) / wide,
    databaseUs: databaseBefore === undefined ? undefined : ((databaseAfter! - databaseBefore) * 1_000) / wide,
  }
}

/** Processor times are for one task. */
interface Spent {
  readonly perSecond: number
  /** Of all servers together. */
  readonly serverUs: number
  /** Undefined where the database is in this process, or on another machine. */
  readonly databaseUs: number | undefined
}

/** Processor time of all processes of the database so far, in ms, also of those that have ended. Nobody else uses it meanwhile. */
async function databaseCpu(db: Db): Promise<number | undefined> {
  if (engineOf(db) === 'sqlite') return undefined
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  const own = await processOf(rows[0]!.pid)
  if (own?.name !== 'postgres') return undefined
  const parent = await processOf(own.parent)
  const pids = (await readdir('/proc')).map(Number).filter(pid => pid > 0)
  const children = (await Promise.all(pids.map(processOf))).filter(one => one?.parent === own.parent)
  return children.reduce((sum, one) => sum + one!.ms, parent!.ms + parent!.childrenMs)
}

/** [proc(5): comm, ppid, utime, stime, cutime, cstime; times in hundredths of a second]. */
async function processOf(pid: number) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [ms, childrenMs] = [11, 13].map(at => (Number(fields[at]) + Number(fields[at + 1])) * 10)
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
  return { name, parent: Number(fields[1]), ms: ms!, childrenMs: childrenMs! }
}

/**
 * What the database does a second when a task is its rows alone: two changes of the task, an attempt that comes and ends,
 * in batches such as the engine's, one after the other.
 */
async function floor(db: Db): Promise<Spent> {
  await sql`create table benchmark_task (id bigint primary key, state text not null)`.execute(db)
  await sql`create table benchmark_attempt (task bigint primary key, state text not null)`.execute(db)
  const ids = Array.from({ length: wide }, (_, id) => id)
  await db.transaction().execute(tx =>
    runRows(
      tx,
      written.tasks,
      ids.flatMap(id => [id, 'ready']),
    ),
  )
  return spent(db, async () => {
    for (let from = 0; from < wide; from += batch) {
      const rows = (state: string) => ids.slice(from, from + batch).flatMap(id => [id, state])
      await db.transaction().execute(async tx => {
        await runRows(tx, written.task, rows('running'))
        await runRows(tx, written.attempts, rows('running'))
        await runRows(tx, written.attempt, rows('succeeded'))
        await runRows(tx, written.task, rows('succeeded'))
      })
    }
  })
}

const batch = 256
const types = ['bigint', 'text'] as const
const given = 'with given (id, state) as ('
const written = {
  tasks: { head: 'insert into benchmark_task (id, state)', types, tail: '' },
  attempts: { head: 'insert into benchmark_attempt (task, state)', types, tail: '' },
  task: {
    head: given,
    types,
    tail: ') update benchmark_task set state = given.state from given where benchmark_task.id = given.id',
  },
  attempt: {
    head: given,
    types,
    tail: ') update benchmark_attempt set state = given.state from given where task = given.id',
  },
}

/** Each in a process of its own, with shim, working folder, log and record. */
async function python({ workflow }: TestBed): Promise<number> {
  const began = performance.now()
  await ended(workflow, chainOf(long, command('python3 -c "import time; time.sleep(0.01)"')))
  return (performance.now() - began) / 1_000
}

const chainOf = (length: number, one: ReturnType<typeof task>) =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`t${index}`, index === 0 ? one : { ...one, after: [`t${index - 1}`] }]),
  )

async function ended(workflow: TestBed['workflow'], tasks: Parameters<TestBed['run']>[0]): Promise<void> {
  const cause = { kind: 'manual', reason: 'A benchmark.' } as const
  const { id } = await workflow.start({ project: 'rain', pipeline: 'test', tasks, cause })
  const { state, error } = await workflow.settled(id, { timeoutMs: 600_000 })
  if (state !== 'succeeded') throw new Error(`The run ${state}: ${error}`)
}

const at = (sorted: readonly number[], quantile: number): number => sorted[Math.floor((sorted.length - 1) * quantile)]!

async function ownSchema(url: string): Promise<string> {
  const schema = `bench_${randomUUID().replaceAll('-', '')}`
  const admin = openDatabase(url)
  await sql.raw(`create schema ${schema}`).execute(admin)
  await admin.destroy()
  return `${url}?options=-c%20search_path%3D${schema}%20-c%20application_name%3D${schema}`
}

await measure('SQLite, FULL', async folder => `sqlite:${join(folder, 'state.sqlite')}`)
if (postgres) await measure('PostgreSQL', () => ownSchema(postgres))
printTable('From task to task', rows)
