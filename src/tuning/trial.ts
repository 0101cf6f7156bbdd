import type { Assignment } from './plane.ts'
import type { trialStates } from './wire.ts'

export type TrialState = (typeof trialStates)[number]

/** A trial as samplers see it. */
export interface Seen {
  /** 0, 1, 2 … in the order of asking. */
  readonly number: number
  readonly state: TrialState
  readonly params: Assignment
  /** The value that is to be least, whatever the direction of the study; of a pruned trial the last it reported. */
  readonly loss: number | undefined
  /** The last step that it reported, if any. */
  readonly step: number | undefined
  /** What its sampler noted when it was asked for. */
  readonly note: number | undefined
}

/** What a sampler is asked for: the next trial, knowing all before it. The same question has the same answer. */
export interface Question {
  readonly history: History
  readonly number: number
  readonly seed: number
}

/** The trials of a study so far. What is asked of it costs the same however many there are. */
export interface History {
  /** In the order in which they ended. */
  readonly ended: readonly Seen[]
  /** How many are complete, or pruned with a value. */
  readonly measured: number
  /** The best of these, at most {@link leadersMax}, best first. */
  readonly leaders: readonly Seen[]
  /** The last of all trials, running ones too, at most so many, by number. */
  newest(count: number): readonly Seen[]
}

export const leadersMax = 25

/** A history that grows: `put` adds a trial, or says what has become of it. */
export function createHistory(): History & { put(seen: Seen): void } {
  const byNumber: Seen[] = []
  const ended: Seen[] = []
  const leaders: Seen[] = []
  let measured = 0

  return {
    ended,
    leaders,
    get measured() {
      return measured
    },
    newest: count => byNumber.slice(-count).filter(seen => seen !== undefined),
    put(seen) {
      const before = byNumber[seen.number]
      byNumber[seen.number] = seen
      if (seen.state === 'running' || (before && before.state !== 'running')) return
      ended.push(seen)
      if (!isMeasured(seen)) return
      measured++
      const after = leaders.findIndex(leader => isBetter(seen, leader))
      leaders.splice(after === -1 ? leaders.length : after, 0, seen)
      if (leaders.length > leadersMax) leaders.pop()
    },
  }
}

const isMeasured = ({ state, loss }: Seen): boolean =>
  loss !== undefined && (state === 'complete' || state === 'pruned')

/** Complete ones before pruned ones, these by how far they came; then by loss, then the earlier. */
function isBetter(a: Seen, b: Seen): boolean {
  const reach = ({ state, step }: Seen): number => (state === 'complete' ? Number.POSITIVE_INFINITY : (step ?? -1))
  if (reach(a) !== reach(b)) return reach(a) > reach(b)
  return a.loss === b.loss ? a.number < b.number : a.loss! < b.loss!
}
