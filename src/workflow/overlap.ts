import type { OverlapPolicy, PipelineSpec } from '#project'
import type { Cause, RunId } from './run.ts'

/** What becomes of a run that is started while as many of its pipeline are active as may be. */
export interface OverlapRule {
  readonly policy: OverlapPolicy
  readonly activeMax: number
}

/** It begins; it waits; it is cancelled at once; it takes the place of those that are there; or there is no run. */
export type Entry = 'begin' | 'hold' | 'cancel' | 'replace' | 'skip'

const entries: Readonly<Record<OverlapPolicy, Entry>> = {
  queue: 'hold',
  skip: 'skip',
  'cancel-new': 'cancel',
  'cancel-running': 'replace',
}

export const overlapOf = ({ overlap, maxActive }: PipelineSpec): OverlapRule | undefined =>
  overlap === undefined && maxActive === undefined
    ? undefined
    : { policy: overlap ?? 'queue', activeMax: maxActive ?? 1 }

/** What an incident asks for is never dropped: it may be what the active run cannot know of yet. */
export function entryOf({ policy, activeMax }: OverlapRule, active: readonly RunId[], { kind }: Cause): Entry {
  if (active.length < activeMax) return 'begin'
  const entry = entries[policy]
  return kind === 'incident' && (entry === 'skip' || entry === 'cancel') ? 'hold' : entry
}
