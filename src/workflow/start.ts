import { isoInstant, type Clock, type Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { durationMs } from '#kernel/duration.ts'
import { invalid, notFound, type Problem } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import { machinesAt, takingProblems, type Projects, type Revision, type RoomAt } from '#project'
import type { AnyTx, Outbox } from '#storage'
import { runStarted } from './events.ts'
import { givenParams } from './given-params.ts'
import { checkPipeline, needsOf, type Tasks } from './graph.ts'
import { recordRun } from './lineage.ts'
import { demandOf } from './room.ts'
import { overlapOf } from './overlap.ts'
import {
  isLocal,
  isUsersCode,
  localExecutorName,
  paramsOf,
  type Cause,
  type Params,
  type Run,
  type RunTask,
  type TaskId,
} from './run.ts'
import type { WorkflowStore } from './store.ts'
import type { RunDraft } from './run-draft.ts'

export interface StartRequest {
  readonly project: string
  readonly pipeline: string
  /** The tasks, when the pipeline is the platform's own; otherwise those of the project's current revision. */
  readonly tasks?: Tasks | undefined
  /** Values for parameters that the tasks declare. */
  readonly params?: Params | undefined
  readonly cause: Cause
  /** The instant it is for, which the parameter gets that the pipeline names for it. */
  readonly instant?: number | undefined
  /** `trainyard` when left out. */
  readonly actor?: string | undefined
  /** At most one run of the project has it: starting again with the same key answers the same run. */
  readonly key?: string | undefined
  /** The tree that commands and functions run in, when it is not the current revision's. */
  readonly code?: Digest | undefined
  readonly commit?: string | undefined
  /** The task of another run that this one is: it has the same revision and code. */
  readonly parent?: { readonly run: Run; readonly task: TaskId } | undefined
}

export interface Starter {
  /** Throws `invalid` or `not_found` when the run could not be run; writes nothing. */
  prepare(request: StartRequest): Promise<RunDraft>
  /** Accepts the run in the caller's transaction; false when its key is taken. */
  insert(tx: AnyTx, draft: RunDraft): Promise<boolean>
}

interface Deps {
  readonly store: WorkflowStore
  readonly ledger: Ledger
  readonly outbox: Outbox
  readonly clock: Clock
  readonly projects: Pick<Projects, 'current' | 'find' | 'revision'>
  readonly defaultExecutor?: string
  /** What there is for tasks to take. */
  readonly room: RoomAt
  /** The platform tasks that this process can run. */
  readonly handlers: { keys(): Iterable<string> }
}

export function createStarter({
  store,
  ledger,
  outbox,
  clock,
  projects,
  defaultExecutor,
  room,
  handlers,
}: Deps): Starter {
  return {
    async prepare(request) {
      const revision = await revisionOf(projects, request)
      const tasks = request.tasks ?? placed(declaredTasks(revision!, request.pipeline), defaultExecutor)
      checkPipeline(request.pipeline, tasks, new Set(handlers.keys()))
      const own = revision?.spec.pools ?? {}
      await checkRoom(request.pipeline, tasks, { ...room, pools: { ...room.pools, ...own } })
      const params = request.tasks
        ? { ...request.params }
        : givenParams(tasks, { ...request.params, ...instantOf(revision!, request) })
      const from = request.parent?.run ?? request
      const code = from.code ?? revision?.code
      const commit = from.commit ?? revision?.commit
      const run: RunDraft['run'] = {
        id: newId<'run'>('run'),
        project: request.project,
        pipeline: request.pipeline,
        ...(revision && { revision: revision.id }),
        ...(code !== undefined && { code }),
        ...(commit !== undefined && { commit }),
        params,
        cause: request.cause,
        actor: request.actor ?? 'trainyard',
        ...(request.parent && { parentTask: request.parent.task }),
        ...deadlineOf(revision, request, clock.now()),
        createdAt: clock.now(),
      }
      const overlap =
        request.tasks || request.parent ? undefined : overlapOf(revision!.spec.pipelines[request.pipeline]!)
      const priority = request.tasks ? undefined : revision!.spec.pipelines[request.pipeline]!.priority
      const taking = taken(tasks, { priority, project: request.project, own })
      return { run, overlap, key: request.key, ...limitOf(revision, request), tasks: draftTasks(taking, params) }
    },

    async insert(tx, draft) {
      if (!(await store.insertRun(tx, draft))) return false
      const { id, project, pipeline, cause, actor } = draft.run
      await recordRun(ledger, tx, draft.run)
      await outbox.emit(tx, runStarted, { project, actor, data: { run: id, pipeline, cause } })
      return true
    },
  }
}

/** A pipeline of the platform belongs to the current revision too, unless it says which code it is about. */
async function revisionOf(
  projects: Deps['projects'],
  { project, tasks, code, commit, parent }: StartRequest,
): Promise<Revision | undefined> {
  if (parent?.run.revision !== undefined) return projects.revision(parent.run.revision)
  if (!tasks) return projects.current(project)
  return code === undefined && commit === undefined ? projects.find(project) : undefined
}

/** The tasks of a declared pipeline, with those that run at its end marked as such. */
function declaredTasks({ spec, project }: Revision, pipeline: string): Tasks {
  if (!Object.hasOwn(spec.pipelines, pipeline)) throw notFound('pipeline', `${project}/${pipeline}`)
  const { tasks, finally: finals = {} } = spec.pipelines[pipeline]!
  const marked = Object.entries(finals).map(([name, task]) => [name, { ...task, final: true as const }])
  const all: Tasks = { ...tasks, ...Object.fromEntries(marked) }
  return Object.fromEntries(Object.entries(all).map(([name, task]) => [name, searched(task)]))
}

/** What is tuned is run by a search, once for each trial, which is tried again and kept as the task says. */
const searched = (task: RunTask): RunTask =>
  task.tune ? { ...task, uses: 'tuning.search', cache: 'off', retries: 0, retry: undefined, timeout: undefined } : task

function instantOf({ spec }: Revision, { pipeline, instant }: StartRequest): Params {
  const name = spec.pipelines[pipeline]?.instant
  return name === undefined || instant === undefined ? {} : { [name]: isoInstant(instant) }
}

function deadlineOf(
  revision: Revision | undefined,
  { tasks, pipeline }: StartRequest,
  now: number,
): Pick<RunDraft['run'], 'deadlineAt'> {
  const deadline = tasks ? undefined : revision!.spec.pipelines[pipeline]!.deadline
  return deadline === undefined ? {} : { deadlineAt: (now + durationMs(deadline)) as Millis }
}

function limitOf(revision: Revision | undefined, { tasks, pipeline }: StartRequest): Pick<RunDraft, 'limitMs'> {
  const timeout = tasks ? undefined : revision!.spec.pipelines[pipeline]!.timeout
  return timeout === undefined ? {} : { limitMs: durationMs(timeout) }
}

/** Users' code that does not say where it runs is told now: what the settings say later is about later runs. */
const placed = (tasks: Tasks, executor: string = localExecutorName): Tasks =>
  executor === localExecutorName
    ? tasks
    : Object.fromEntries(
        Object.entries(tasks).map(([name, task]) => [name, isUsersCode(task) ? { executor, ...task } : task]),
      )

/** Throws `invalid` for tasks that would wait without end. */
async function checkRoom(pipeline: string, tasks: Tasks, room: RoomAt): Promise<void> {
  const machines = Object.values(tasks).some(({ resources }) => resources) ? await machinesAt(room) : undefined
  const problems: Problem[] = []
  const report = (path: readonly (string | number)[], value: unknown, allowed: string): void =>
    void problems.push({ field: path.join('.'), value, allowed })
  for (const [name, task] of Object.entries(tasks)) {
    // Who has its queue has a machine of its own.
    const isHere = isLocal(task) && task.queue === undefined
    takingProblems(task, [pipeline, name], { pools: room.pools, machines: isHere ? machines : undefined, report })
  }
  if (problems.length > 0) throw invalid(`Pipeline ${pipeline} asks for more than there is.`, problems)
}

/** The tasks, each with what it takes and how it is ranked. */
const taken = (
  tasks: Tasks,
  { priority, ...of }: { priority: number | undefined; project: string; own: Readonly<Record<string, number>> },
): Tasks =>
  Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => {
      const demand = demandOf(task, of)
      const rank = task.priority ?? priority
      return [name, { ...task, ...(demand !== undefined && { demand }), ...(rank !== undefined && { priority: rank }) }]
    }),
  )

function draftTasks(tasks: Tasks, params: Params): RunDraft['tasks'] {
  return Object.entries(tasks).map(([name, spec]) => ({
    id: newId<'task'>('tsk'),
    name,
    spec,
    needs: needsOf(spec, tasks),
    params: paramsOf(spec, params),
  }))
}
