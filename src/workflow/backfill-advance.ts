import { isoInstant, type Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { AnyTx, Signal } from '#storage'
import type { Admissions } from './admission.ts'
import { isAgain, type Backfill } from './backfill.ts'
import { lastInstants, nextInstant } from './schedule.ts'
import type { Starter } from './start.ts'
import type { WorkflowStore } from './store.ts'
import type { RunDraft } from './run-draft.ts'

export interface AdvanceDeps {
  readonly store: WorkflowStore
  readonly starter: Pick<Starter, 'prepare'>
  readonly admissions: Admissions
  readonly clock: Clock
  readonly changed: Signal
}

/** Instants whose runs there are already are passed over so many at a time. */
const stepMax = 50

/** Begins as many runs as may be active, or ends the back-fill with the last of them. */
export async function advance(deps: AdvanceDeps, backfill: Backfill): Promise<void> {
  const { store, clock, changed } = deps
  const { next, concurrency } = backfill
  const runs = await store.backfillRuns(backfill.id)
  const active = (runs.held ?? 0) + (runs.queued ?? 0) + (runs.running ?? 0)
  if (next === undefined) {
    if (active === 0) await store.transaction(tx => store.moveBackfill(tx, backfill, { endedAt: clock.now() }))
    return
  }
  if (active >= concurrency) return
  const drafts = await draftsOf(deps, backfill, next).catch((error: unknown) => {
    // A database that is away is no error of the pipeline, and the instants are tried again.
    if (!(error instanceof TrainyardError)) throw error
    return error
  })
  if (drafts instanceof TrainyardError) {
    const { message } = drafts
    await store.transaction(tx => store.moveBackfill(tx, backfill, { next: null, error: message }))
    return
  }
  const began = await store.transaction(tx => begin(deps, tx, { backfill, drafts, room: concurrency - active }))
  if (began > 0) changed.notify()
}

interface Step {
  readonly backfill: Backfill
  readonly drafts: readonly Drafted[]
  readonly room: number
}

interface Drafted {
  readonly instant: number
  readonly key: string
  /** Undefined when it keeps the run that it has. */
  readonly draft: RunDraft | undefined
}

async function begin({ store, admissions }: AdvanceDeps, tx: AnyTx, { backfill, drafts, room }: Step): Promise<number> {
  let [looked, kept, began] = [0, 0, 0]
  // The row is held from here on: of several who look at it one goes on.
  if (!(await store.moveBackfill(tx, backfill, {}))) return 0
  for (const { key, draft } of drafts) {
    const there = await store.runOfKey(tx, backfill.project, key)
    const isNew = draft !== undefined && isAgain(backfill.again, there)
    if (isNew && began === room) break
    looked += 1
    if (!isNew) kept += 1
    if (!isNew) continue
    if (there) await store.freeKey(tx, there.id)
    began += 1
    await admissions.admit(tx, draft)
  }
  const next = drafts[looked]?.instant ?? following(backfill, drafts.at(-1)!.instant) ?? null
  crashPoint('workflow.backfill_moved')
  await store.moveBackfill(tx, { ...backfill, turn: backfill.turn + 1 }, { next, looked, kept })
  return began
}

/** The next instants, as far as one step looks, with their runs. */
async function draftsOf(deps: AdvanceDeps, backfill: Backfill, next: number): Promise<readonly Drafted[]> {
  const drafts: Drafted[] = []
  let wanted = backfill.concurrency
  for (
    let instant: number | undefined = next;
    instant !== undefined && drafts.length < stepMax && wanted > 0;
    instant = following(backfill, instant)
  ) {
    const key = keyOf(backfill, instant)
    const isNew = isAgain(backfill.again, await deps.store.findRunByKey(backfill.project, key))
    if (isNew) wanted -= 1
    drafts.push({ instant, key, draft: isNew ? await draftRun(deps, backfill, { instant, key }) : undefined })
  }
  return drafts
}

async function draftRun(
  { starter }: AdvanceDeps,
  { id, project, pipeline, rhythm, actor }: Backfill,
  { instant, key }: { instant: number; key: string },
): Promise<RunDraft> {
  const ref = isoInstant(instant)
  const cause = { kind: 'schedule', reason: `Back-filled by ${actor}: ${ref}.`, ref } as const
  const draft = await starter.prepare({ project, pipeline, params: rhythm.params ?? {}, cause, instant, actor, key })
  // Whatever the pipeline says of runs that overlap, no instant is left out.
  const overlap = draft.overlap && { ...draft.overlap, policy: 'queue' as const }
  return { ...draft, overlap, run: { ...draft.run, backfill: id } }
}

/** The same key as the tick of the schedule has: whoever is first starts the run. */
export const keyOf = ({ pipeline, trigger }: Backfill, instant: number): string =>
  `${pipeline}/${trigger}/${isoInstant(instant)}`

function following({ rhythm, from, to, order }: Backfill, instant: number): number | undefined {
  if (order === 'newest') return lastInstants(rhythm, { after: from - 1, until: instant - 1, max: 1 })[0]
  const next = nextInstant(rhythm, instant)
  return next !== undefined && next <= to ? next : undefined
}
