import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { wallClock, type Clock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Json } from '#kernel/json.ts'
import { fsBlobs, migrate, openDatabase, putTree, type Blobs } from '#storage'
import type { Attempt, MetricPoint, TaskRecord } from '#workflow'
import { sqlCheckpointStore } from './checkpoint-store.sql.ts'
import { createCheckpoints, type Checkpoints } from './checkpoints.ts'
import { localExecutor, type LocalExecutor, type LocalExecutorDeps } from './executor.ts'
import { computeMigrations } from './tables.ts'

/** An executor over a temporary folder. */
export interface Bench {
  readonly folder: string
  readonly blobs: Blobs
  readonly checkpoints: Checkpoints
  readonly executor: LocalExecutor
  /** An attempt at a task, in a checkout of these files. */
  attempt(
    spec: Partial<Attempt['spec']>,
    more?: Partial<Attempt> & { files?: Readonly<Record<string, string>> },
  ): Promise<TestAttempt>
}

export interface TestAttempt extends Attempt {
  /** The lines of its log. */
  readonly lines: string[]
  /** What it said of its process. */
  readonly handles: Json[]
  /** What it noted of itself. */
  readonly recorded: TaskRecord
  /** Metrics that were passed on while it ran. */
  readonly measuredLive: readonly MetricPoint[]
}

export async function openBench(
  t: TestContext,
  depsIn: (folder: string) => Partial<LocalExecutorDeps> = () => ({}),
): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-compute-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const bench = composeBench(folder, depsIn(folder))
  t.after(() => bench.executor.stop())
  return bench
}

export function composeBench(folder: string, deps: Partial<LocalExecutorDeps> = {}): Bench {
  const blobs = fsBlobs(join(folder, 'blobs'))
  const clock: Clock = wallClock
  const db = openDatabase('sqlite::memory:')
  const ready = migrate(db, computeMigrations)
  const checkpoints = createCheckpoints({
    store: sqlCheckpointStore(db),
    blobs,
    clock,
    retentionMs: 60_000,
    everyMs: 100,
  })
  const executor = localExecutor({
    blobs,
    checkpoints,
    dataFolder: join(folder, 'data'),
    clock,
    python: 'python3',
    env: { SECRET: 'hidden' },
    workRetentionMs: 60_000,
    environmentRetentionMs: 60_000,
    graceMs: 150,
    ...deps,
  })
  return {
    folder,
    blobs,
    checkpoints,
    executor,
    async attempt(spec, { files = {}, ...more } = {}) {
      await ready
      const id = newId<'attempt'>('att')
      const logFile = { path: join(folder, `${id}.log`), bytesMax: 1_000_000 }
      writeFileSync(logFile.path, '')
      const handles: Json[] = []
      const measured: MetricPoint[] = []
      const record: TaskRecord = {}
      return {
        id,
        number: 1,
        run: { id: newId<'run'>('run'), project: 'rain', pipeline: 'training' },
        task: 'train',
        spec: { outputs: [], ...spec },
        code: await codeOf(blobs, files),
        params: {},
        inputs: {},
        key: 'run/train',
        seed: 7,
        signal: new AbortController().signal,
        started: async handle => void handles.push(handle),
        timeoutMs: 60_000,
        ran: () => {},
        devices: undefined,
        secrets: { variables: {}, mask: [] },
        log: line => appendFileSync(logFile.path, `${line}\n`),
        logFile,
        measured: points => void measured.push(...points),
        record: part => void Object.assign(record, part),
        get lines() {
          return readFileSync(logFile.path, 'utf8').split('\n').slice(0, -1)
        },
        handles,
        tracking: undefined,
        recorded: record,
        measuredLive: measured,
        ...more,
      }
    },
  }
}

async function codeOf(blobs: Blobs, files: Readonly<Record<string, string>>): Promise<Attempt['code']> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-code-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 })
    }
    return await putTree(blobs, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Looks until it holds, for half a minute at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds());) {
    if (Date.now() > end) throw new Error('It never came true.')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Shims of attempts whose work folders are below this one. */
export async function shimsBelow(folder: string): Promise<readonly number[]> {
  const pids = await processesWith('zygote.py')
  const places = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return pids.filter((_, index) => places[index]!.startsWith(`${folder}/`))
}

/** Processes whose command line has this text in it, this one excepted; those that have ended do not count. */
export async function processesWith(text: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((pid, index) => pid !== process.pid && lines[index]!.includes(text))
}
