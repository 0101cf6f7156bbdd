import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openOnlineStore } from '#features'
import { readConfig } from '#kernel/config.ts'
import { sql } from 'kysely'
import { databaseClock, migrate, openDatabase, type Db } from '#storage'
import type { RunTask, Workflow } from '#workflow'
import { compose } from '../../src/composition/compose.ts'
import { migrations } from '../../src/composition/migrations.ts'
import { readOracle, type Line } from './oracle.ts'

/** Where storms rage: a database, a folder that replicas share, and a driver of the test's own that runs nothing. */
export interface Field {
  readonly shared: string
  /** The database. */
  readonly url: string
  readonly workflow: Workflow
  /** What the tasks have written themselves, outside of the database. */
  oracle(): Promise<readonly Line[]>
  /** Starts a run of tasks that note their start and their end: what the first takes, and each other one. */
  start(seconds: number, others?: number): Promise<string>
  /** With these variables besides what the machine has; on another database than the field's, if one is given. */
  replica(name: string, env?: Readonly<Record<string, string>>, database?: string): Promise<Replica>
  /** The replica that supervises a task of this run now. */
  holder(run: string): Promise<string | undefined>
  /** Processes of this field: its tasks, and the shims that hold them. */
  processes(): Promise<{ readonly tasks: readonly number[]; readonly shims: readonly number[] }>
}

export interface Replica {
  readonly name: string
  readonly child: ChildProcess
  /** Resolves to the signal that ended it. */
  readonly ended: Promise<string | null>
  /** What it said on standard error. */
  complaints(): string
}

const program = fileURLToPath(new URL('replica.ts', import.meta.url))

export async function openField(
  t: TestContext,
  database: (shared: string) => string,
  parent = tmpdir(),
): Promise<Field> {
  const shared = await mkdtemp(join(parent, 'trainyard-storm-'))
  // Beside it: what tasks say must not be lost where the folder's disk is full.
  const oracle = join(tmpdir(), `${basename(shared)}.oracle`)
  const replicas: Replica[] = []
  const url = database(shared)
  await mkdir(join(shared, 'driver'))
  const { workflow, db, close } = await driver(url, shared)
  const field: Field = {
    shared,
    url,
    workflow,
    oracle: () => readOracle(oracle),
    async start(seconds, others = seconds) {
      const { id } = await workflow.start({
        project: 'storm',
        pipeline: 'storm',
        tasks: tasksOf(oracle, seconds, others),
        cause: { kind: 'manual', reason: 'A storm.' },
      })
      return id
    },
    async replica(name, env, at = url) {
      const replica = await startReplica([at, shared, name], env)
      replicas.push(replica)
      return replica
    },
    async holder(run) {
      const { rows } = await sql<{
        owner: string
      }>`select owner from workflow_lease where run = ${run}`.execute(db)
      return rows[0]?.owner
    },
    processes: () => processesOf(shared),
  }
  t.after(async () => {
    for (const { child } of replicas) child.kill('SIGKILL')
    const left = await field.processes()
    for (const pid of [...left.tasks, ...left.shims]) kill(pid, 'SIGKILL')
    if (!t.passed)
      for (const replica of replicas) t.diagnostic(`${replica.name}: ${replica.complaints().slice(-2_000)}`)
    await close()
    await rm(shared, { recursive: true, force: true, maxRetries: 5 })
    await rm(oracle, { force: true })
  })
  return field
}

/** The platform's own view, in the process of the test: it starts runs and reads what became of them. */
async function driver(url: string, shared: string): Promise<{ workflow: Workflow; db: Db; close(): Promise<void> }> {
  const db = openDatabase(url)
  await migrate(db, migrations)
  const clock = await databaseClock(db, url)
  const data = join(shared, 'driver')
  const onlineUrl = `sqlite:${join(data, 'online.db')}`
  const online = await openOnlineStore(onlineUrl)
  const config = readConfig({ TRAINYARD_DATA: data, TRAINYARD_LOGS: join(shared, 'logs') })
  const { workflow, executor } = compose({
    config,
    db,
    online,
    onlineUrl,
    clock,
    owner: 'driver',
    version: 'storm',
    env: {},
    baseUrl: () => '',
    warn: () => {},
  })
  return {
    workflow,
    db,
    async close() {
      executor.stop()
      clock.stop()
      await online.close()
      await db.destroy()
    },
  }
}

/** One that fans out and comes together; its tasks hand a word on. */
function tasksOf(oracle: string, seconds: number, others: number): Record<string, RunTask> {
  const say = (word: string): string =>
    `printf '%s %s %s %s\\n' ${word} "$TRAINYARD_KEY" "$TRAINYARD_ATTEMPT" "$(cut -d' ' -f1 /proc/uptime)" >> ${oracle}`
  const one = (takes: number, inputs: Record<string, string>): RunTask => ({
    run: `${say('start')}; sleep ${takes}; echo word > "$TRAINYARD_OUTPUT_WORD"; ${say('end')}`,
    inputs,
    outputs: ['word'],
    params: {},
    after: [],
    retries: 9,
  })
  return {
    first: one(seconds, {}),
    left: one(others, { word: 'first.word' }),
    right: one(others, { word: 'first.word' }),
    last: one(others, { left: 'left.word', right: 'right.word' }),
  }
}

async function startReplica(
  args: readonly [string, string, string],
  env: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env }, // oxlint-disable-line node/no-process-env -- a child process inherits the machine's programs
  })
  let complaints = ''
  child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()))
  const ended = once(child, 'exit').then(([, signal]) => signal as string | null)
  await Promise.race([once(child.stdout, 'data'), ended])
  return { name: args[2], child, ended, complaints: () => complaints }
}

async function processesOf(shared: string): ReturnType<Field['processes']> {
  const found = { tasks: [] as number[], shims: [] as number[] }
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)) {
    const variables = (await textOf(`/proc/${pid}/environ`)).split('\0')
    const isTask = variables.some(entry => entry.startsWith('TRAINYARD_ATTEMPT='))
    if (isTask && variables.some(entry => entry.startsWith(`HOME=${shared}`))) found.tasks.push(pid)
    const isShim = (await textOf(`/proc/${pid}/cmdline`)).includes('zygote.py')
    if (isShim && (await readlink(`/proc/${pid}/cwd`).catch(() => '')).startsWith(shared)) found.shims.push(pid)
  }
  return found
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It was quicker.
  }
}

/** Looks until it holds; the deadline is for what never will. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 90_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await holds()); await sleep(50))
    if (Date.now() > end) throw new Error(`It never came to this: ${what}.`)
}
