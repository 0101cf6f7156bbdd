import type { Id } from '#kernel/id.ts'
import type { againModes, orders } from './backfill-wire.ts'
import type { Rhythm } from '#project'
import { instantsFrom } from './schedule.ts'
import { hasEnded, type Run } from './run.ts'

/** Runs for instants of a schedule that are past: one for each, however often it is asked for. */
export interface Backfill {
  readonly id: Id<'backfill'>
  readonly project: string
  readonly pipeline: string
  /** The schedule whose instants they are, as it was then. */
  readonly trigger: string
  readonly rhythm: Rhythm
  /** Instants in `[from, to]`. */
  readonly from: number
  readonly to: number
  readonly total: number
  readonly again: Again
  readonly order: Order
  /** Runs of it at the same time. */
  readonly concurrency: number
  readonly actor: string
  readonly createdAt: number
  readonly endedAt: number | undefined
  readonly cancelled: { readonly at: number; readonly by: string } | undefined
  /** Why it could not go on. */
  readonly error: string | undefined
  /** The next instant; undefined when all have been looked at. */
  readonly next: number | undefined
  /** Instants that have been looked at, and those of them whose run there was already. */
  readonly looked: number
  readonly kept: number
  /** Counts the changes. */
  readonly turn: number
}

/** Which runs that there are already are made anew. */
export type Again = (typeof againModes)[number]
export type Order = (typeof orders)[number]

export const instantsMax = 10_000

/** In the order in which their runs begin; one more than there may be, when there are more. */
export function instantsOf({ rhythm, from, to, order }: Pick<Backfill, 'rhythm' | 'from' | 'to' | 'order'>): number[] {
  const instants = instantsFrom(rhythm, { from, to, max: instantsMax + 1 })
  return order === 'newest' ? instants.toReversed() : instants
}

/** Whether the instant gets a run although there is this one. A run that goes on is never repeated. */
export function isAgain(again: Again, run: Pick<Run, 'state'> | undefined): boolean {
  if (!run) return true
  if (!hasEnded(run.state)) return false
  return again === 'all' || (again === 'failed' && run.state !== 'succeeded')
}
