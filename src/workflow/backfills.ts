import { isoInstant } from '#kernel/clock.ts'
import { conflict, invalid, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { isRhythm, triggerName, type Projects, type Rhythm } from '#project'
import type { AnyTx } from '#storage'
import { advance, keyOf, type AdvanceDeps } from './backfill-advance.ts'
import { instantsMax, instantsOf, isAgain, type Again, type Backfill, type Order } from './backfill.ts'
import type { Run, RunId, RunState } from './run.ts'

export interface BackfillRequest {
  readonly project: string
  readonly pipeline: string
  /** The only schedule of the pipeline when left out. */
  readonly trigger?: string | undefined
  readonly from: number
  readonly to: number
  readonly again: Again
  readonly order: Order
  readonly concurrency: number
  readonly actor: string
}

/** What would become of an instant: a run, or the one that there is stays. */
export interface PlannedTick {
  readonly instant: number
  readonly run?: Pick<Run, 'id' | 'state'>
  readonly isRun: boolean
}

export interface Backfilled {
  readonly backfill: Backfill
  readonly runs: Readonly<Partial<Record<RunState, number>>>
}

export interface Backfills {
  /** What {@link start} would do. Throws as that. */
  plan(request: BackfillRequest): Promise<readonly PlannedTick[]>
  /** Throws `invalid` for a pipeline without such a schedule, and for instants that there are none or too many of. */
  start(request: BackfillRequest): Promise<Backfilled>
  /** Newest first. */
  list(project: string, page: PageRequest): Promise<Page<Backfilled>>
  /** Throws `not_found`. */
  find(project: string, id: string): Promise<Backfilled>
  /** Begins no more runs, and cancels those that have not ended. Throws `conflict` when it has ended. */
  cancel(project: string, id: string, actor: string): Promise<Backfilled>
  /** Begins the runs that are next. */
  tick(): Promise<void>
}

interface Deps extends AdvanceDeps {
  readonly projects: Pick<Projects, 'current'>
  endTasks(run: RunId): void
}

const openMax = 20

export function createBackfills(deps: Deps): Backfills {
  const { store, changed } = deps

  const seen = async (backfill: Backfill): Promise<Backfilled> => ({
    backfill,
    runs: await store.backfillRuns(backfill.id),
  })

  const find: Backfills['find'] = async (project, id) => {
    const backfill = await store.findBackfill(project, id)
    if (!backfill) throw notFound('back-fill', id)
    return seen(backfill)
  }

  return {
    async plan(request) {
      const { backfill, instants } = await drafted(deps, request)
      const planned: PlannedTick[] = []
      for (const instant of instants) {
        const found = await store.findRunByKey(backfill.project, keyOf(backfill, instant))
        const run = found && { id: found.id, state: found.state }
        planned.push({ instant, ...(run && { run }), isRun: isAgain(backfill.again, run) })
      }
      return planned
    },

    async start(request) {
      const { backfill } = await drafted(deps, request)
      await store.transaction(tx => store.insertBackfill(tx, backfill))
      changed.notify()
      return { backfill, runs: {} }
    },

    async list(project, page) {
      const { items, ...rest } = await store.backfills(project, page)
      return { ...rest, items: await Promise.all(items.map(seen)) }
    },

    find,

    async cancel(project, id, actor) {
      for (;;) {
        const { backfill } = await find(project, id)
        if (backfill.endedAt !== undefined || backfill.cancelled)
          throw conflict(`Back-fill ${id} has ${backfill.cancelled ? 'been cancelled' : 'ended'}.`, { backfill: id })
        const ended = await store.transaction(tx => cancelIn(deps, tx, { backfill, actor }))
        for (const run of ended ?? []) deps.endTasks(run)
        if (!ended) continue
        changed.notify()
        return find(project, id)
      }
    },

    async tick() {
      for (const backfill of await store.openBackfills(openMax)) await advance(deps, backfill)
    },
  }
}

/** A back-fill as it would begin, with its instants. */
async function drafted(
  { projects, clock }: Pick<Deps, 'projects' | 'clock'>,
  request: BackfillRequest,
): Promise<{ backfill: Backfill; instants: readonly number[] }> {
  const { project, pipeline, from, to, order } = request
  const { spec } = await projects.current(project)
  const declared = Object.hasOwn(spec.pipelines, pipeline) ? spec.pipelines[pipeline]! : undefined
  if (!declared) throw notFound('pipeline', `${project}/${pipeline}`)
  const { name, rhythm } = scheduleOf(request, declared.triggers)
  const now = clock.now()
  const instants = instantsOf({ rhythm, from, to: Math.min(to, now), order })
  if (instants.length === 0 || instants.length > instantsMax)
    throw invalid('This is no back-fill.', [
      {
        field: 'from, to',
        value: `${isoInstant(from)}, ${isoInstant(to)}`,
        allowed: `1 to ${instantsMax} past instants of ${name}`,
      },
    ])
  const { trigger: _, ...rest } = request
  const backfill: Backfill = {
    ...rest,
    to: Math.min(to, now),
    id: newId<'backfill'>('bkf'),
    trigger: name,
    rhythm,
    total: instants.length,
    createdAt: now,
    endedAt: undefined,
    error: undefined,
    cancelled: undefined,
    next: instants[0],
    looked: 0,
    kept: 0,
    turn: 0,
  }
  return { backfill, instants }
}

/** Undefined when it has moved since it was read. */
async function cancelIn(
  { store, admissions, clock }: Deps,
  tx: AnyTx,
  { backfill, actor }: { backfill: Backfill; actor: string },
): Promise<readonly RunId[] | undefined> {
  const cancelled = { at: clock.now(), by: actor }
  if (!(await store.moveBackfill(tx, backfill, { next: null, cancelled }))) return undefined
  const ended: RunId[] = []
  const why = `Its back-fill was cancelled by ${actor}.`
  // The last ones first: of those that are held none begins meanwhile.
  for (const run of (await store.openBackfillRuns(tx, backfill.id)).toReversed())
    ended.push(...(await admissions.cancel(tx, run, { actor, why })).map(({ id }) => id))
  return ended
}

function scheduleOf(
  { pipeline, trigger }: Pick<BackfillRequest, 'pipeline' | 'trigger'>,
  triggers: Parameters<typeof triggerName>[0],
): { name: string; rhythm: Rhythm } {
  const found = triggers.flatMap((spec, index) =>
    isRhythm(spec) ? [{ name: triggerName(triggers, index), rhythm: spec }] : [],
  )
  const meant = trigger === undefined ? found : found.filter(({ name }) => name === trigger)
  if (meant.length === 1) return meant[0]!
  const allowed = found.map(({ name }) => name).join(', ') || 'a pipeline with a schedule, an interval or a calendar'
  throw invalid(`Pipeline ${pipeline} has no such schedule.`, [{ field: 'trigger', value: trigger, allowed }])
}
