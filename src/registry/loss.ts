import {
  accuracy,
  bias,
  brierScore,
  f1,
  logLoss,
  meanAbsoluteError,
  precision,
  r2,
  recall,
  rocAuc,
  rootMeanSquaredError,
} from '#statistics'
import type { Metric, ObjectiveSpec } from '#project'

export type Task = ObjectiveSpec['task']
export type LossName = 'log_loss' | 'squared_error' | 'zero_one' | 'absolute_error'

/** The loss of one row that a metric is about. AUC has none of its own: it borrows the squared error. */
export const lossOf: Readonly<Record<Metric, LossName>> = {
  brier: 'squared_error',
  log_loss: 'log_loss',
  auc: 'squared_error',
  accuracy: 'zero_one',
  f1: 'zero_one',
  mae: 'absolute_error',
  rmse: 'squared_error',
}

const clip = 1e-15

const losses: Readonly<Record<LossName, (y: number, score: number) => number>> = {
  log_loss: (y, score) => -Math.log(Math.min(1 - clip, Math.max(clip, y === 1 ? score : 1 - score))),
  squared_error: (y, score) => (y - score) ** 2,
  zero_one: (y, score) => (score >= 0.5 ? 1 - y : y),
  absolute_error: (y, score) => Math.abs(y - score),
}

/** The loss of each row; smaller is better. */
export function rowLosses(loss: LossName, y: Float64Array, scores: Float64Array): Float64Array {
  return y.map((truth, row) => losses[loss](truth, scores[row]!))
}

/** Every metric of the task that these rows define. */
export function allMetrics(task: Task, y: Float64Array, scores: Float64Array): Record<string, number> {
  const measured: Record<string, number | undefined> =
    task === 'regression'
      ? {
          mae: meanAbsoluteError(y, scores),
          rmse: rootMeanSquaredError(y, scores),
          bias: bias(y, scores),
          r2: r2(y, scores),
        }
      : {
          brier: brierScore(y, scores),
          log_loss: logLoss(y, scores),
          auc: rocAuc(y, scores),
          accuracy: accuracy(y, scores),
          f1: f1(y, scores),
          precision: precision(y, scores),
          recall: recall(y, scores),
        }
  return Object.fromEntries(
    Object.entries(measured).filter((entry): entry is [string, number] => entry[1] !== undefined),
  )
}

/** The first row whose score is no answer to the task, or −1: it must be finite, and a probability in [0, 1]. */
export function firstBadScore(task: Task, scores: Float64Array): number {
  return scores.findIndex(
    score => !Number.isFinite(score) || (task === 'binary_classification' && (score < 0 || score > 1)),
  )
}
