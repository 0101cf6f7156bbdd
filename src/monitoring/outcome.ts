import { rowLosses, type LossName } from '#registry'
import { differenceBounds, mean, meanBounds, variance, type Bounded, type Sample } from '#statistics'

/** One of the revisions that share a deployment's requests, with the answers of which the truth is known. */
export interface Arm {
  readonly revision: string
  readonly score: readonly number[]
  readonly label: readonly number[]
}

export interface ArmOutcome {
  readonly revision: string
  /** Answers of which the truth is known. */
  readonly rows: number
  /** Mean loss and its bounds; absent while there are too few rows. */
  readonly loss?: Bounded
}

/** How much more one arm loses than the control: below 0 is better. */
export interface OutcomeDifference extends Bounded {
  readonly revision: string
  readonly verdict: 'better' | 'worse' | 'open'
  /** As a sentence. */
  readonly reason: string
}

/** How often any of the comparisons may be wrong, at whichever look. */
const alpha = 0.05

/**
 * What revisions that share requests by lot have been worth, by the truth about their answers. Every other arm is compared
 * with the first, the control; several comparisons share the error [Bonferroni].
 */
export function compareOutcomes(
  loss: LossName,
  [control, ...others]: readonly [Arm, ...Arm[]],
): { arms: readonly ArmOutcome[]; differences: readonly OutcomeDifference[] } {
  const against = sampleOf(loss, control)
  return {
    arms: [control, ...others].map(arm => {
      const bounds = meanBounds(sampleOf(loss, arm), { alpha })
      return { revision: arm.revision, rows: arm.label.length, ...(bounds && { loss: bounds }) }
    }),
    differences: others.flatMap(arm => {
      const bounds = differenceBounds(sampleOf(loss, arm), against, { alpha: alpha / others.length })
      return bounds ? [judged(arm, bounds, control.label.length)] : []
    }),
  }
}

function sampleOf(loss: LossName, { score, label }: Arm): Sample {
  const losses = [...rowLosses(loss, Float64Array.from(label), Float64Array.from(score))]
  const count = losses.length
  return { count, mean: count === 0 ? 0 : mean(losses), variance: count < 2 ? 0 : variance(losses) }
}

function judged({ revision, label }: Arm, bounds: Bounded, controlRows: number): OutcomeDifference {
  const verdict = bounds.high < 0 ? 'better' : bounds.low > 0 ? 'worse' : 'open'
  const [low, high] = [bounds.low, bounds.high].map(value => Number(value.toPrecision(3)))
  const rows = `of ${label.length} and ${controlRows} rows`
  const reason = {
    better: `By the truth ${rows} it loses less than the revision before: by ${-high!} to ${-low!} a row.`,
    worse: `By the truth ${rows} it loses more than the revision before: by ${low} to ${high} a row.`,
    open: `By the truth ${rows} it loses between ${low} and ${high} a row more than the revision before.`,
  }[verdict]
  return { revision, ...bounds, verdict, reason }
}
