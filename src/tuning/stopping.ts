import type { PrunerSpec } from '#project'
import { quantile, seededRandom } from '#statistics'

/**
 * When a trial is not worth going on with, from what it and others have reported so far. Losses: less is better. Steps
 * are whatever the trial's code counts: epochs, trees, rows.
 */

/** A number for the rung that a report reaches first, if any: trials are compared with others at the same rung. */
export function rungOf(
  pruner: PrunerSpec,
  { step, before, number, seed }: { step: number; before: number | undefined; number: number; seed: number },
): number | undefined {
  if (pruner.type === 'asha') return newRung(pruner.least, pruner.reduction, step, before)
  if (pruner.type !== 'hyperband') return undefined
  const bracket = bracketOf(pruner, { number, seed })
  const rung = newRung(pruner.least * pruner.reduction ** bracket, pruner.reduction, step, before)
  return rung === undefined ? undefined : bracket * rungsMax + rung
}

const rungsMax = 1_000

/** Rung k is at `least` · reductionᵏ. */
function newRung(least: number, reduction: number, step: number, before: number | undefined): number | undefined {
  const reached = (at: number): number => Math.floor(Math.log(at / least) / Math.log(reduction) + 1e-9)
  if (step < least) return undefined
  return before !== undefined && before >= least && reached(before) === reached(step) ? undefined : reached(step)
}

/**
 * The bracket of a trial: bracket s starts at the reductionˢ-fold first rung. Brackets get trials in the proportion
 * that lets each spend the same [Li et al. 2018, Hyperband].
 */
export function bracketOf(
  { least, most, reduction }: PrunerSpec & { type: 'hyperband' },
  { number, seed }: { number: number; seed: number },
): number {
  const last = Math.max(0, Math.floor(Math.log(most / least) / Math.log(reduction) + 1e-9))
  const shares = Array.from({ length: last + 1 }, (_, bracket) => reduction ** (last - bracket) / (last - bracket + 1))
  let left = seededRandom(seed * 1_000_003 + number + 0.5)() * shares.reduce((sum, share) => sum + share, 0)
  const chosen = shares.findIndex(share => (left -= share) < 0)
  return chosen === -1 ? last : chosen
}

/** What is known at the step that was just reported. */
export interface Evidence {
  readonly step: number
  readonly loss: number
  /** The best that the trial has reported so far. */
  readonly best: number
  /** What others reported: at the same rung of the same bracket, or, without rungs, complete trials at the same step. */
  readonly others: readonly number[]
  readonly completed: number
}

/** Why the trial should stop; undefined while it should go on. */
export function reasonToStop(pruner: PrunerSpec, evidence: Evidence): string | undefined {
  if (pruner.type === 'none') return undefined
  return pruner.type === 'median' ? behindMost(pruner, evidence) : notPromoted(pruner, evidence)
}

/** Its best so far is worse than the percentile of what complete trials had at this step [median: Golovin et al. 2017]. */
function behindMost(
  { percentile, startup, warmup }: PrunerSpec & { type: 'median' },
  { step, best, others, completed }: Evidence,
): string | undefined {
  if (step < warmup || completed < startup || others.length === 0) return undefined
  const limit = quantile(others, percentile / 100)
  if (best <= limit) return undefined
  return `Its best is behind ${percentile === 50 ? 'the median' : `the best ${percentile} %`} of ${others.length} trials at step ${step}.`
}

/** At a rung one of `reduction` goes on, judged as soon as it comes [ASHA: Li et al. 2020]. */
function notPromoted(
  { reduction }: PrunerSpec & { type: 'asha' | 'hyperband' },
  { step, loss, others }: Evidence,
): string | undefined {
  const kept = Math.max(1, Math.floor((others.length + 1) / reduction))
  const better = others.filter(other => other < loss).length
  return better < kept
    ? undefined
    : `At step ${step} it is number ${better + 1} of ${others.length + 1}; ${kept} go on.`
}
