import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { conflict, notFound } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { AnyTx, Outbox } from '#storage'
import { decide, type Decision } from './approval.ts'
import { reproductionOf } from './reproduction.ts'
import type { Run, RunId, TaskRun } from './run.ts'
import type { Settler } from './settle.ts'
import type { Signal } from './signal.ts'
import type { Starter, StartRequest } from './start.ts'
import type { WorkflowStore } from './store.ts'

/** What people, triggers and other components do to runs. */
export interface RunControl {
  /**
   * Accepts a run: when it returns, the run survives a crash. The same key answers the same run, whatever else is said.
   * Throws `not_found` for an unknown project or pipeline, `invalid` for a pipeline that cannot be run.
   */
  start(request: StartRequest): Promise<Run>
  /** Sticky: nothing of the run is begun any more, and what runs is ended. Throws `conflict` when it has ended. */
  cancel(run: string, actor: string): Promise<Run>
  /** Does a run again from its record. Throws `conflict` when there is nothing that can be done again. */
  reproduce(run: string, actor: string): Promise<Run>
  /** Says whether a run goes on. Throws `conflict` when nobody is asked, `forbidden` for who has no say. */
  decide(run: string, task: string, decision: Decision): Promise<TaskRun>
  /** Runs what did not succeed again, in the same run. Throws `conflict` unless it failed or was cancelled. */
  resume(run: string, actor: string): Promise<Run>
}

interface Deps {
  readonly store: WorkflowStore
  readonly outbox: Outbox
  readonly clock: Clock
  readonly settler: Settler
  readonly starter: Starter
  readonly changed: Signal
  readonly projects: Pick<Projects, 'revision'>
  /** Ends what this process runs of a run. */
  endTasks(run: RunId): void
}

export function createControl(deps: Deps): RunControl {
  const { store, clock, settler, starter, changed, endTasks } = deps
  const find = async (id: string): Promise<Run> => {
    const run = await store.findRun(id)
    if (!run) throw notFound('run', id)
    return run
  }

  /** A run, and the runs that its tasks are. Nothing when it has ended. */
  async function cancelAll(tx: AnyTx, id: string, actor: string): Promise<readonly Run[]> {
    const children = await store.childrenOf(tx, id)
    const done = await store.cancel(tx, id, clock.now())
    if (!done) return []
    if (done.ended) await settler.announceEnd(tx, done.run, actor)
    const below: Run[] = []
    for (const child of children) below.push(...(await cancelAll(tx, child, actor)))
    return [done.run, ...below]
  }

  const start = async (request: StartRequest): Promise<Run> => {
    const { project, key } = request
    const known = key === undefined ? undefined : await store.findRunByKey(project, key)
    if (known) return known
    const prepared = await starter.prepare(request)
    const isNew = await store.transaction(tx => starter.insert(tx, prepared))
    // Someone else was first with the same key.
    if (!isNew) return (await store.findRunByKey(project, key!))!
    crashPoint('workflow.run_inserted')
    changed.notify()
    return find(prepared.run.id)
  }

  return {
    start,

    async cancel(id, actor) {
      const { state } = await find(id)
      const [cancelled, ...below] = await store.transaction(tx => cancelAll(tx, id, actor))
      if (!cancelled) throw conflict(`Run ${id} has ended: ${state}.`, { run: id, state })
      for (const run of [cancelled, ...below]) endTasks(run.id)
      changed.notify()
      return cancelled
    },

    async reproduce(id, actor) {
      const run = await find(id)
      const spec = run.revision === undefined ? undefined : (await deps.projects.revision(run.revision)).spec
      const tasks = await store.listTasks(id)
      return start({ ...reproductionOf(run, tasks, spec?.pipelines[run.pipeline]), actor })
    },

    decide: async (id, task, decision) => decide(deps, await find(id), task, decision),

    async resume(id, actor) {
      const run = await find(id)
      const { state } = run
      const resumed = await store.transaction(tx => settler.resume(tx, run, actor))
      if (!resumed) {
        const allowed = ['failed', 'cancelled']
        throw conflict(`Run ${id} is ${state}; only a failed or cancelled run is resumed.`, { run: id, state, allowed })
      }
      changed.notify()
      return resumed
    },
  }
}
