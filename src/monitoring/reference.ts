import type { Frame } from './frame.ts'
import { metricOf, outcomesOf, type Metric, type Outcomes } from './performance.ts'

/** What a revision's predictions are compared with: its training set with the model's own scores, and how it was judged. */
export interface Reference {
  /** A sample of the training set, by event time. */
  readonly frame: Frame
  /** Rows of the training set. */
  readonly rows: number
  /** For people: `training set trs_… (638 rows)`. */
  readonly source: string
  /** Name of the entity key. */
  readonly entity: string
  /** Each feature's part of the model's skill; sums to 1. */
  readonly importance: Readonly<Record<string, number>>
  /** The evaluation on which the version was let through: the metrics, and the event times of its rows. */
  readonly evaluation: {
    readonly metrics: Readonly<Record<string, number>>
    readonly from?: number | undefined
    readonly to?: number | undefined
  }
}

/** At most so many rows of a training set are kept with the monitor. */
export const referenceRowsMax = 20_000

/** Permutation importances as parts of their sum; equal parts when no feature helps. */
export function normalisedImportance(
  features: readonly string[],
  importance: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const raw = features.map(name => Math.max(0, importance[name] ?? 0))
  const total = raw.reduce((sum, value) => sum + value, 0)
  return Object.fromEntries(features.map((name, i) => [name, total > 0 ? raw[i]! / total : 1 / features.length]))
}

/** The rows of the reference that the version was evaluated on, which it was not fitted to. */
export function evaluationOutcomes({ frame, evaluation: { from, to } }: Reference): Outcomes {
  if (from === undefined || to === undefined) return { label: [], score: [] }
  const inside = (i: number): boolean => frame.at[i]! >= from && frame.at[i]! <= to
  return outcomesOf({ ...frame, label: frame.label.map((label, i) => (inside(i) ? label : null)) })
}

/** The metric in the evaluation, or on its rows where the evaluation does not name it. */
export const referenceMetric = (metric: Metric, reference: Reference): number | undefined =>
  reference.evaluation.metrics[metric] ?? metricOf(metric, evaluationOutcomes(reference))

/** The reference without the features of which the log has no values. */
export function withoutFeatures(reference: Reference | undefined, hidden: readonly string[]): Reference | undefined {
  if (!reference || hidden.length === 0) return reference
  const kept = Object.entries(reference.frame.features).filter(([name]) => !hidden.includes(name))
  return { ...reference, frame: { ...reference.frame, features: Object.fromEntries(kept) } }
}
