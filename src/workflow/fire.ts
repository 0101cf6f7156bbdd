import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { Signal } from '#storage'
import type { Admissions } from './admission.ts'
import type { RunId } from './run.ts'
import type { Starter, StartRequest } from './start.ts'
import type { WorkflowStore } from './store.ts'
import type { RunDraft } from './run-draft.ts'
import type { Tick, Trigger, TriggerMove } from './trigger-store.ts'

/** A tick of a trigger, and the run that it asks for. */
export interface TickRequest extends Pick<StartRequest, 'cause' | 'actor' | 'code' | 'commit' | 'instant'> {
  /** The instant, the event's number or the delivery's id: one run for each. */
  readonly key: string
}

export interface FireDeps {
  readonly store: WorkflowStore
  readonly starter: Pick<Starter, 'prepare'>
  readonly admissions: Admissions
  readonly clock: Clock
  readonly changed: Signal
  /** Ends what this process runs of a run. */
  endTasks(run: RunId): void
  warn(facts: object, message: string): void
}

/**
 * Ticks of a trigger: where it stands moves on, the ticks are noted and their runs accepted, all in one transaction.
 * Answers what is noted now; nothing when someone else was first.
 */
export async function fire(
  deps: FireDeps,
  trigger: Trigger,
  { requests, move }: { requests: readonly TickRequest[]; move?: TriggerMove },
): Promise<readonly Tick[]> {
  const { store, clock, changed } = deps
  const prepared: (readonly [TickRequest, RunDraft | { error: string }])[] = []
  for (const request of requests) {
    const noted = await store.findTick(trigger, request.key)
    if (noted === undefined || noted.error !== undefined)
      prepared.push([request, await prepare(deps, trigger, request)])
  }
  crashPoint('workflow.tick_due')
  const { ticks, cancelled } = await store.transaction(async tx => {
    const noted: Tick[] = []
    const ended: RunId[] = []
    if (move && !(await store.moveTrigger(tx, trigger, move))) return { ticks: noted, cancelled: ended }
    for (const [{ key }, draft] of prepared) {
      const admission = 'error' in draft ? undefined : await deps.admissions.admit(tx, draft)
      // The key of a run is what makes it one; whoever comes second leaves the note alone.
      if (admission?.state === 'known') continue
      if (admission?.state === 'accepted') ended.push(...admission.cancelled)
      const skipped = admission?.state === 'refused' ? { skipped: admission.because } : undefined
      const tick = { key, at: clock.now(), ...('error' in draft ? draft : (skipped ?? { run: draft.run.id })) }
      await store.noteTick(tx, trigger, tick)
      noted.push(tick)
    }
    crashPoint('workflow.tick_noted')
    return { ticks: noted, cancelled: ended }
  })
  for (const id of cancelled) deps.endTasks(id)
  if (ticks.some(tick => tick.run !== undefined)) {
    crashPoint('workflow.run_inserted')
    changed.notify()
  }
  return ticks
}

/** A pipeline that cannot run misses its tick with a note: it must neither hold up the others nor be tried for ever. */
async function prepare(
  { starter, warn }: FireDeps,
  { project, pipeline, name, spec }: Trigger,
  { key, ...request }: TickRequest,
): Promise<RunDraft | { error: string }> {
  try {
    const params = spec.params ?? {}
    return await starter.prepare({ project, pipeline, params, ...request, key: `${pipeline}/${name}/${key}` })
  } catch (error) {
    // A database that is away is no error of the pipeline, and the tick is tried again.
    if (!(error instanceof TrainyardError)) throw error
    warn({ project, pipeline, trigger: name, err: error }, 'trigger could not start its pipeline')
    return { error: error.message }
  }
}
