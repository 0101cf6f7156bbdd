import { rowLosses, type LossName } from '#registry'
import {
  adjustForCovariates,
  differenceBounds,
  mean,
  meanBounds,
  variance,
  type Bounded,
  type Sample,
} from '#statistics'

/** One of the revisions that share a deployment's requests, with the answers of which the truth is known. */
export interface Arm {
  readonly revision: string
  readonly score: readonly number[]
  readonly label: readonly number[]
  /** What was known of each answer before any revision met it, by name; NaN where it is missing. */
  readonly covariates?: Readonly<Record<string, Float64Array>>
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
  /** By which covariates the losses were adjusted, and the share of their variance that is gone. */
  readonly adjusted?: { readonly by: readonly string[]; readonly explained: number } | undefined
}

/** How often any of the comparisons may be wrong, at whichever look. */
const alpha = 0.05

/** Rows for each covariate; with fewer, what they seem to explain is chance. */
const rowsPerCovariate = 20

/**
 * What revisions that share requests by lot have been worth, by the truth about their answers. Every other arm is compared
 * with the first, the control; several comparisons share the error [Bonferroni]. What all arms know of their rows beforehand
 * is taken out of the differences [CUPED].
 */
export function compareOutcomes(
  loss: LossName,
  arms: readonly [Arm, ...Arm[]],
): { arms: readonly ArmOutcome[]; differences: readonly OutcomeDifference[] } {
  const losses = arms.map(({ score, label }) => rowLosses(loss, Float64Array.from(label), Float64Array.from(score)))
  const { samples, adjusted } = adjustedSamples(arms, losses)
  const [control, ...others] = arms
  return {
    arms: arms.map(({ revision, label }, arm) => {
      const bounds = meanBounds(sampleOf(losses[arm]!), { alpha })
      return { revision, rows: label.length, ...(bounds && { loss: bounds }) }
    }),
    differences: others.flatMap((arm, index) => {
      const bounds = differenceBounds(samples[index + 1]!, samples[0]!, { alpha: alpha / others.length })
      return bounds ? [judged(arm, bounds, { controlRows: control.label.length, adjusted })] : []
    }),
  }
}

function adjustedSamples(
  arms: readonly Arm[],
  losses: readonly Float64Array[],
): { samples: readonly Sample[]; adjusted: OutcomeDifference['adjusted'] } {
  const rows = losses.reduce((sum, { length }) => sum + length, 0)
  const by = Object.keys(arms[0]!.covariates ?? {}).filter(name => arms.every(({ covariates }) => covariates?.[name]))
  if (by.length === 0 || rows < by.length * rowsPerCovariate)
    return { samples: losses.map(each => sampleOf(each)), adjusted: undefined }
  const { values, explained, rank } = adjustForCovariates(
    arms.map(({ covariates }, arm) => ({ y: losses[arm]!, covariates: by.map(name => covariates![name]!) })),
  )
  const freedom = (rows - arms.length) / (rows - arms.length - rank)
  return { samples: values.map(each => sampleOf(each, freedom)), adjusted: { by, explained } }
}

/** `freedom`: by which the variance is too small for what was estimated. */
function sampleOf(losses: Float64Array, freedom = 1): Sample {
  const count = losses.length
  return {
    count,
    mean: count === 0 ? 0 : mean(losses),
    variance: count < 2 ? 0 : variance(losses) * freedom,
  }
}

function judged(
  { revision, label }: Arm,
  bounds: Bounded,
  { controlRows, adjusted }: { controlRows: number; adjusted: OutcomeDifference['adjusted'] },
): OutcomeDifference {
  const verdict = bounds.high < 0 ? 'better' : bounds.low > 0 ? 'worse' : 'open'
  const [low, high] = [bounds.low, bounds.high].map(value => Number(value.toPrecision(3)))
  const without = adjusted
    ? `, without what ${adjusted.by.length} inputs explain of it (${Math.round(adjusted.explained * 100)} %),`
    : ''
  const rows = `of ${label.length} and ${controlRows} rows${without}`
  const reason = {
    better: `By the truth ${rows} it loses less than the revision before: by ${-high!} to ${-low!} a row.`,
    worse: `By the truth ${rows} it loses more than the revision before: by ${low} to ${high} a row.`,
    open: `By the truth ${rows} it loses between ${low} and ${high} a row more than the revision before.`,
  }[verdict]
  return { revision, ...bounds, verdict, reason, ...(adjusted && { adjusted }) }
}
