import type { Clock } from '#kernel/clock.ts'
import type { Projects } from '#project'
import type { Signal } from '#storage'
import type { Admissions } from './admission.ts'
import type { Run, RunId } from './run.ts'
import type { WorkflowStore } from './store.ts'

const runsMax = 100

interface Deps {
  readonly store: Pick<WorkflowStore, 'transaction' | 'nextLimitAt' | 'overLimit' | 'setLimited'>
  readonly admissions: Pick<Admissions, 'cancel'>
  readonly projects: Pick<Projects, 'revision'>
  readonly clock: Clock
  readonly changed: Signal
  /** Ends what this process runs of a run; others see for themselves that it is ended. */
  endTasks(run: RunId): void
}

/** Ends the runs that take longer than their pipelines allow. Answers when to look again. */
export async function endOverLimit(deps: Deps): Promise<number | undefined> {
  const { store, clock } = deps
  const now = clock.now()
  const next = await store.nextLimitAt()
  if (next === undefined || next > now) return next
  for (const run of await store.overLimit(now, runsMax)) await endRun(deps, run, now)
  return store.nextLimitAt()
}

async function endRun({ store, admissions, projects, changed, endTasks }: Deps, run: Run, now: number): Promise<void> {
  const { spec } = await projects.revision(run.revision!)
  const why = `The run took longer than its limit of ${spec.pipelines[run.pipeline]!.timeout}.`
  const ended = await store.transaction(async tx =>
    (await store.setLimited(tx, run.id, now)) ? admissions.cancel(tx, run.id, { actor: 'trainyard', why }) : [],
  )
  for (const { id } of ended) endTasks(id)
  if (ended.length > 0) changed.notify()
}
