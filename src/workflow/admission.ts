import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { conflict, type TrainyardError } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { AnyTx } from '#storage'
import type { Announcer } from './announce.ts'
import { entryOf, overlapOf, type OverlapRule } from './overlap.ts'
import type { Run, RunId } from './run.ts'
import type { Settler } from './settle.ts'
import type { Starter } from './start.ts'
import type { WorkflowStore } from './store.ts'
import type { RunDraft } from './run-draft.ts'

/** What became of a run that was to be accepted. Runs that were cancelled in its favour are ended by who follows them. */
export type Admission =
  | { readonly state: 'accepted'; readonly cancelled: readonly RunId[] }
  /** Its key is taken. */
  | { readonly state: 'known' }
  | { readonly state: 'refused'; readonly because: string; readonly active: RunId }

/** Who lets runs of a pipeline in, by its rule for those that overlap, as steps of the caller's transaction. */
export interface Admissions {
  admit(tx: AnyTx, draft: RunDraft): Promise<Admission>
  /** The rule that a run is under which is opened again: that of the current revision. Not in a transaction. */
  ruleOf(run: Run): Promise<OverlapRule | undefined>
  /** Opens a run again. Undefined unless it has failed or was cancelled; throws `conflict` when others are active. */
  resume(tx: AnyTx, run: Run, by: { actor: string; rule: OverlapRule | undefined }): Promise<Run | undefined>
  /** Cancels a run, and the runs that its tasks are: those that had not ended. */
  cancel(tx: AnyTx, run: string, by: { actor: string; why?: string }): Promise<readonly Run[]>
}

interface Deps {
  readonly store: WorkflowStore
  readonly settler: Pick<Settler, 'resume'>
  readonly announcer: Announcer
  readonly starter: Pick<Starter, 'insert'>
  readonly projects: Pick<Projects, 'find'>
  readonly clock: Clock
}

export function createAdmissions({ store, settler, announcer, starter, projects, clock }: Deps): Admissions {
  const cancel: Admissions['cancel'] = async (tx, id, { actor, why }) => {
    const children = await store.childrenOf(tx, id)
    const done = await store.cancel(tx, id, { at: clock.now(), why })
    if (!done) return []
    if (done.ended) await announcer.run(tx, done.run, actor)
    const below: Run[] = []
    for (const child of children) below.push(...(await cancel(tx, child, { actor })))
    return [done.run, ...below]
  }

  /** Takes the place of what is held, and of as many active runs as it needs, the oldest first. */
  async function replace(tx: AnyTx, { run }: RunDraft, { activeMax }: OverlapRule): Promise<readonly RunId[]> {
    const others = (await store.openRuns(tx, run)).filter(({ id }) => id !== run.id)
    const active = others.filter(({ isHeld }) => !isHeld)
    const going = active.filter(({ isCancelled }) => isCancelled).length
    const inTheWay = active.filter(({ isCancelled }) => !isCancelled).slice(0, active.length - going - activeMax + 1)
    const cancelled: RunId[] = []
    for (const { id } of [...others.filter(({ isHeld }) => isHeld), ...inTheWay]) {
      const by = { actor: run.actor, why: `Run ${run.id} took its place.` }
      cancelled.push(...(await cancel(tx, id, by)).map(one => one.id))
    }
    return cancelled
  }

  const insert = async (tx: AnyTx, draft: RunDraft): Promise<Admission> =>
    (await starter.insert(tx, draft)) ? { state: 'accepted', cancelled: [] } : { state: 'known' }

  return {
    async admit(tx, draft) {
      const { run, key, overlap: rule } = draft
      if (!rule) return insert(tx, draft)
      const { activeMax } = rule
      const { active, place, isKnown } = await store.enterLane(tx, { ...run, key, activeMax, at: clock.now() })
      if (isKnown) return { state: 'known' }
      const entry = entryOf(rule, active, run.cause)
      if (entry === 'skip') return { state: 'refused', because: isActive(active), active: active[0]! }
      if (entry === 'begin') return insert(tx, draft)
      const admission = await insert(tx, { ...draft, place })
      crashPoint('workflow.run_held')
      if (entry === 'cancel') await cancel(tx, run.id, { actor: run.actor, why: isActive(active) })
      return entry === 'replace' ? { state: 'accepted', cancelled: await replace(tx, draft, rule) } : admission
    },

    async ruleOf({ project, pipeline, parentTask }) {
      const declared = parentTask === undefined ? (await projects.find(project))?.spec.pipelines : undefined
      return declared && Object.hasOwn(declared, pipeline) ? overlapOf(declared[pipeline]!) : undefined
    },

    async resume(tx, run, { actor, rule }) {
      if (!rule) return settler.resume(tx, run, { actor })
      const lane = { ...run, key: undefined, activeMax: rule.activeMax, at: clock.now() }
      const { active, place } = await store.enterLane(tx, lane)
      const entry = entryOf(rule, active, run.cause)
      if (entry === 'begin') return settler.resume(tx, run, { actor })
      if (entry !== 'hold') throw refusal(run, { because: isActive(active), active: active[0]! })
      return settler.resume(tx, run, { actor, place })
    },

    cancel,
  }
}

const isActive = ([first]: readonly RunId[]): string => `Run ${first} is active.`

export const refusal = (
  { pipeline }: Pick<Run, 'pipeline'>,
  { because, active }: { because: string; active: RunId },
): TrainyardError => conflict(`Pipeline ${pipeline} starts no run beside another one: ${because}`, { pipeline, active })
