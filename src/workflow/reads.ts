import { hostname } from 'node:os'
import type { Readable } from 'node:stream'
import { batched } from '#kernel/batch.ts'
import type { Clock } from '#kernel/clock.ts'
import { conflict, notFound, TrainyardError } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Projects } from '#project'
import type { Blobs, Signal } from '#storage'
import type { LogEntry, Logs } from './logs.ts'
import { gridOf, wholeRuns, type PipelineGrid } from './grid.ts'
import { pipelineOf } from './pipeline.ts'
import type { AttemptDetail } from './record.ts'
import { compare, recordedTask, type Reproduction, type Seen } from './reproduction.ts'
import { hasEnded, type Artifact, type Pipeline, type Run, type TaskLine, type TaskRun } from './run.ts'
import type { Seats } from './seats.ts'
import type { RunFilter, TaskCounts, TaskFilter, WorkflowStore } from './store.ts'
import { waitFor } from './wait.ts'

/** What there is to know of runs. */
export interface RunReads {
  /** Throws `not_found`. */
  run(id: string): Promise<Run>
  /** The run that a task is part of. Throws `not_found`. */
  runOfTask(task: string): Promise<Run>
  /** In the order of the pipeline. Throws `not_found`. */
  tasks(run: string): Promise<readonly TaskRun[]>
  /** The same page by page. Throws `not_found`. */
  taskPage(run: string, page: PageRequest): Promise<Page<TaskRun>>
  /** The tasks of a run in short, or the calls of one of them. Throws `not_found`. */
  taskLines(filter: TaskFilter, page: PageRequest): Promise<Page<TaskLine>>
  /** A run, what states its tasks are in, and the first `limit` of them. Throws `not_found`. */
  overview(run: string, limit: number): Promise<RunOverview>
  /** One task by name or id, with all attempts at it and what was noted of them. Throws `not_found`. */
  task(run: string, task: string): Promise<{ task: TaskRun; attempts: readonly AttemptDetail[] }>
  /** What came of doing a run again. Throws `conflict` for a run that does no other again. */
  reproduction(run: string): Promise<Reproduction>
  /** Newest first. */
  runs(filter: RunFilter, page: PageRequest): Promise<Page<Run>>
  /** The log of a task over all its attempts, from byte `offset` on. Throws `not_found`. */
  log(task: string, offset: number): Promise<{ text: string; next: number; end: boolean }>
  /** The logs that tasks of a run have. Throws `not_found`. */
  logs(run: string): Promise<readonly LogEntry[]>
  /** A log as it is now. Throws `not_found`. */
  wholeLog(run: string, task: string): Promise<Buffer>
  /** What the tasks of a run have made. */
  made(run: string): Promise<readonly Artifact[]>
  /** The bytes of an output. Throws `not_found`, also for an output that is no bytes. */
  output(task: string, name: string): Promise<{ artifact: Artifact; bytes: Readable }>
  /** How the last runs of a pipeline went, task by task; fewer runs when they have very many tasks. */
  grid(pipeline: { project: string; pipeline: string }, limit: number): Promise<PipelineGrid>
  /** The pipelines that the current revision declares. Throws `not_found`. */
  pipelines(project: string): Promise<readonly Pipeline[]>
  /** The run once it has ended. Throws `unavailable` when that takes longer. */
  settled(run: string, options: { timeoutMs: number }): Promise<Run>
}

export interface RunOverview {
  readonly run: Run
  readonly states: TaskCounts
  readonly tasks: Page<TaskLine>
}

interface Deps {
  readonly store: WorkflowStore
  readonly logs: Logs
  readonly clock: Clock
  readonly projects: Pick<Projects, 'current'>
  readonly blobs: Pick<Blobs, 'read'>
  readonly changed: Signal
  /** What this process has for tasks. */
  readonly seats: Pick<Seats, 'of'>
}

const endedStates: ReadonlySet<string> = new Set(['succeeded', 'cached', 'failed', 'skipped', 'cancelled'])
/** A grid of more is more than a browser draws at once. */
const gridTasksMax = 20_000
/** So many runs are asked for at once whether they have ended. */
const waitedMax = 1_000

export function createReads(deps: Deps): RunReads {
  const { store, logs, clock, projects, blobs, changed } = deps
  const isOver = overOf(store)
  const reads: RunReads = {
    async run(id) {
      const run = await store.findRun(id)
      if (!run) throw notFound('run', id)
      return run
    },

    async runOfTask(id) {
      const task = await store.findTask(id)
      if (!task) throw notFound('task', id)
      return reads.run(task.run)
    },

    async tasks(id) {
      await reads.run(id)
      return withWaits(deps, await store.listTasks(id))
    },

    async taskPage(id, page) {
      await reads.run(id)
      const { items, ...rest } = await store.pageTaskRuns(id, page)
      return { ...rest, items: await withWaits(deps, items) }
    },

    async taskLines(filter, page) {
      await reads.run(filter.run)
      const { items, ...rest } = await store.pageTasks(filter, page)
      return { ...rest, items: await withWaits(deps, items) }
    },

    async overview(id, limit) {
      const run = await reads.run(id)
      return { run, states: await store.countTasks(id), tasks: await reads.taskLines({ run: id }, { limit }) }
    },

    async task(id, name) {
      await reads.run(id)
      const found = await store.findTaskRun(id, name)
      if (!found) throw notFound('task', name)
      return { task: (await withWaits(deps, [found]))[0]!, attempts: await store.attempts(found.id) }
    },

    reproduction: async id => reproductionSeen(store, await reads.run(id)),

    runs: (filter, page) => store.listRuns(filter, page),

    ...logReads({ store, logs }, id => reads.run(id)),
    made: run => store.made(run),

    async output(id, name) {
      const artifact = (await store.findTask(id))?.outputs[name]
      if (artifact?.digest === undefined) throw notFound('output', `${id}/${name}`)
      return { artifact, bytes: await blobs.read(artifact.digest) }
    },

    async grid(filter, limit) {
      const { items: runs } = await store.listRuns(filter, { limit })
      const ids = runs.map(({ id }) => id)
      const tasks = await store.gridTasks(ids, gridTasksMax + 1)
      return gridOf(wholeRuns(runs, tasks, gridTasksMax), tasks)
    },

    async pipelines(project) {
      const { spec } = await projects.current(project)
      const now = clock.now()
      const freshness = new Map((await store.freshness(project)).map(one => [one.pipeline, one]))
      return Promise.all(
        Object.entries(spec.pipelines).map(async ([name, pipeline]) => {
          const { items } = await store.listRuns({ project, pipeline: name }, { limit: 1 })
          return pipelineOf(name, pipeline, { lastRun: items[0], fresh: freshness.get(name), now })
        }),
      )
    },

    settled: (id, { timeoutMs }) => ended(() => reads.run(id), { isOver: () => isOver(id), changed, timeoutMs }),
  }
  return reads
}

/** Whether a run has ended. All who wait look at each change: one question for all of them. */
const overOf = (store: Pick<WorkflowStore, 'endedRuns'>) =>
  batched<string, boolean>(async ids => {
    const over = await store.endedRuns(ids)
    return ids.map(id => over.has(id))
  }, waitedMax)

function logReads(
  { store, logs }: Pick<Deps, 'store' | 'logs'>,
  runOf: RunReads['run'],
): Pick<RunReads, 'log' | 'logs' | 'wholeLog'> {
  return {
    async log(id, offset) {
      const task = await store.findTask(id)
      if (!task) throw notFound('task', id)
      // The state was read first: a task that had ended by then writes no more.
      const { text, next, isAll } = await logs.read(task.run, task.name, offset)
      return { text, next, end: isAll && endedStates.has(task.state) }
    },

    async logs(id) {
      await runOf(id)
      return logs.list(id)
    },

    async wholeLog(id, task) {
      await runOf(id)
      const isThere = (await logs.list(id)).some(log => log.task === task)
      const bytes = isThere ? await logs.whole(id, task) : undefined
      if (!bytes) throw notFound('log', `${id}/${task}`)
      return bytes
    },
  }
}

async function ended(
  read: () => Promise<Run>,
  { isOver, changed, timeoutMs }: { isOver: () => Promise<boolean>; changed: Signal; timeoutMs: number },
): Promise<Run> {
  const until = performance.now() + timeoutMs
  for (let run = await read(); ;) {
    const mark = changed.mark()
    if (await isOver()) run = await read()
    if (hasEnded(run.state)) return run
    const leftMs = until - performance.now()
    if (leftMs <= 0) throw tooLong(await read(), timeoutMs)
    await changed.wait(mark, Math.min(leftMs, changed.pauseMs()))
  }
}

/** The tasks, those that are ready with what they wait for. */
async function withWaits<Task extends TaskLine>(
  { store, seats, clock }: Pick<Deps, 'store' | 'seats' | 'clock'>,
  tasks: readonly Task[],
): Promise<readonly Task[]> {
  const ready = tasks.filter(({ state }) => state === 'ready').map(({ id }) => id)
  const queued = await store.queued(ready)
  if (queued.size === 0) return tasks
  const all = [...queued.values()]
  const room = all.some(({ demand }) => demand) ? await store.room() : { slots: {}, taken: {} }
  const pools = new Set(all.map(({ pool }) => pool))
  const seatsOf = new Map([...pools].map(pool => [pool, seats.of(pool)]))
  const place = { machine: hostname(), room, now: clock.now() }
  return tasks.map(task => {
    const one = queued.get(task.id)
    const waitingFor = one && waitFor(one, { ...place, seats: seatsOf.get(one.pool)! })
    return waitingFor === undefined ? task : { ...task, waitingFor }
  })
}

const tooLong = ({ id, state }: Run, timeoutMs: number): TrainyardError =>
  new TrainyardError('unavailable', `Run ${id} has not ended within ${timeoutMs} ms; it is ${state}.`, {
    run: id,
    state,
  })

async function reproductionSeen(store: WorkflowStore, run: Run): Promise<Reproduction> {
  const of = run.cause.ref === undefined ? undefined : await store.findRun(run.cause.ref)
  if (run.pipeline !== 'reproduction' || !of) throw conflict(`Run ${run.id} does no other run again.`, { run: run.id })
  const before = new Map((await store.listTasks(of.id)).map(task => [task.name, task]))
  const again = (await store.listTasks(run.id)).filter(({ kind, name }) => kind !== recordedTask && before.has(name))
  const seen = async (task: TaskRun): Promise<Seen> => ({ task, attempt: (await store.attempts(task.id)).at(-1) })
  const pairs: [Seen, Seen][] = []
  for (const task of again) pairs.push([await seen(before.get(task.name)!), await seen(task)])
  return compare(of, run, pairs)
}
