import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { conflict, notFound } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { Outbox, Signal } from '#storage'
import { refusal, type Admissions } from './admission.ts'
import type { Announcer } from './announce.ts'
import { decide, type Decision } from './approval.ts'
import { reproductionOf } from './reproduction.ts'
import type { Run, RunId, TaskRun } from './run.ts'
import type { Starter, StartRequest } from './start.ts'
import type { WorkflowStore } from './store.ts'

/** What people, triggers and other components do to runs. */
export interface RunControl {
  /**
   * Accepts a run: when it returns, the run survives a crash. The same key answers the same run, whatever else is said.
   * Throws `not_found` for an unknown project or pipeline, `invalid` for a pipeline that cannot be run, `conflict` when
   * it may not start beside another run.
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
  readonly announcer: Announcer
  readonly starter: Pick<Starter, 'prepare'>
  readonly admissions: Admissions
  readonly changed: Signal
  readonly projects: Pick<Projects, 'revision'>
  /** Ends what this process runs of a run. */
  endTasks(run: RunId): void
}

export function createControl(deps: Deps): RunControl {
  const { store, admissions, starter, changed, endTasks } = deps
  const find = async (id: string): Promise<Run> => {
    const run = await store.findRun(id)
    if (!run) throw notFound('run', id)
    return run
  }

  const start = async (request: StartRequest): Promise<Run> => {
    const { project, key } = request
    const known = key === undefined ? undefined : await store.findRunByKey(project, key)
    if (known) return known
    const prepared = await starter.prepare(request)
    const admission = await store.transaction(tx => admissions.admit(tx, prepared))
    if (admission.state === 'refused') throw refusal(request, admission)
    // Someone else was first with the same key.
    if (admission.state === 'known') return (await store.findRunByKey(project, key!))!
    for (const id of admission.cancelled) endTasks(id)
    crashPoint('workflow.run_inserted')
    changed.notify()
    return find(prepared.run.id)
  }

  return {
    start,

    async cancel(id, actor) {
      const { state } = await find(id)
      const [cancelled, ...below] = await store.transaction(tx => admissions.cancel(tx, id, { actor }))
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
      const rule = await admissions.ruleOf(run)
      const resumed = await store.transaction(tx => admissions.resume(tx, run, { actor, rule }))
      if (!resumed) {
        const allowed = ['failed', 'cancelled']
        throw conflict(`Run ${id} is ${state}; only a failed or cancelled run is resumed.`, { run: id, state, allowed })
      }
      changed.notify()
      return resumed
    },
  }
}
