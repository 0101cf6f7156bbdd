import { latencyBounds } from './request-tally.ts'

/** A stage of requests: those in each bucket of `latencyBounds` alone, and all of them. */
export interface StageCounts {
  count: number
  ms: number
  readonly buckets: number[]
}

export const stageNames = ['bind', 'run', 'answer'] as const
export type Stage = (typeof stageNames)[number]

export const noCounts = (): StageCounts => ({ count: 0, ms: 0, buckets: latencyBounds.map(() => 0) })

export function addStage(counts: StageCounts, ms: number): void {
  counts.count++
  counts.ms += ms
  const seconds = ms / 1_000
  for (let index = 0; index < latencyBounds.length; index++)
    if (seconds <= latencyBounds[index]!) return void counts.buckets[index]!++
}
