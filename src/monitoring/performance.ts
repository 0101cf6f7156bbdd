import type { z } from 'zod'
import {
  accuracy,
  brierScore,
  f1,
  logLoss,
  mean,
  meanAbsoluteError,
  rocAuc,
  rootMeanSquaredError,
  spiegelhalterZ,
  variance,
} from '#statistics'
import type { RevisionWire } from '#project/wire.ts'
import type { Frame } from './frame.ts'
import type { PerformanceWire } from './wire.ts'

export type Performance = z.output<typeof PerformanceWire>
/** What predictions are judged by, as the project file declares it. */
export type Metric = z.output<typeof RevisionWire>['spec']['objective']['metric']

/** From this many standard errors on a window is worse than its scores promise: one in a hundred is, by chance. */
export const suspectZ = 2.33
/** From here on one window is proof enough. */
export const certainZ = 5
/** Fewer labelled rows than this are not judged. */
export const judgedRowsMin = 20

/** Scores and what really happened, row by row. */
export interface Outcomes {
  readonly label: readonly number[]
  readonly score: readonly number[]
}

/** The rows of a frame whose score and truth are both known. */
export function outcomesOf({ label, score }: Frame): Outcomes {
  const known = label.flatMap((value, i) =>
    value !== null && score[i] !== null && Number.isFinite(score[i]) ? [i] : [],
  )
  return { label: known.map(i => label[i]!), score: known.map(i => score[i]!) }
}

/** The metric on rows whose truth is known; undefined where it is not defined (a single class). */
export function metricOf(metric: Metric, { label, score }: Outcomes): number | undefined {
  if (label.length === 0) return undefined
  return measures[metric](label, score)
}

const measures: Readonly<Record<Metric, (label: readonly number[], score: readonly number[]) => number | undefined>> = {
  brier: brierScore,
  log_loss: logLoss,
  auc: rocAuc,
  accuracy: (label, score) => accuracy(label, score),
  f1: (label, score) => f1(label, score),
  mae: meanAbsoluteError,
  rmse: rootMeanSquaredError,
}

/**
 * What the metric would be if the scores were true probabilities: the performance that can be known before the truth
 * [CBPE: confidence-based performance estimation]. Undefined for regression, whose predictions carry no uncertainty.
 */
export function expectedOf(metric: Metric, score: readonly number[]): number | undefined {
  if (score.length === 0) return undefined
  const average = (of: (p: number) => number): number => mean(score.map(of))
  switch (metric) {
    case 'brier':
      return average(p => p * (1 - p))
    case 'log_loss':
      return average(p => entropy(p) + entropy(1 - p))
    case 'accuracy':
      return average(p => Math.max(p, 1 - p))
    case 'f1':
      return expectedF1(score)
    case 'auc':
      return expectedAuc(score)
    case 'mae':
    case 'rmse':
      return undefined
  }
}

const entropy = (p: number): number => (p <= 0 ? 0 : -p * Math.log(p))

function expectedF1(score: readonly number[]): number | undefined {
  let [truePositive, predicted, positive] = [0, 0, 0]
  for (const p of score) {
    positive += p
    if (p < 0.5) continue
    truePositive += p
    predicted++
  }
  return predicted + positive === 0 ? undefined : (2 * truePositive) / (predicted + positive)
}

/** Every row counts as a positive with weight p and as a negative with weight 1 − p; ties count half. */
function expectedAuc(score: readonly number[]): number | undefined {
  const sorted = [...score].sort((a, b) => a - b)
  let [below, wins, positives] = [0, 0, 0]
  for (let start = 0; start < sorted.length;) {
    let end = start
    while (end < sorted.length && sorted[end] === sorted[start]) end++
    const [p, count] = [sorted[start]!, end - start]
    wins += count * p * (below + (count * (1 - p)) / 2)
    below += count * (1 - p)
    positives += count * p
    start = end
  }
  return positives === 0 || below === 0 ? undefined : wins / (positives * below)
}

/**
 * How many standard errors the loss of a window lies above what it should be.
 *
 * Binary: Spiegelhalter's test, which compares with what the scores themselves promise. It needs no reference, and a
 * season that is harder to predict is no alarm, for then the scores promise less. A model that was not calibrated when
 * it was let through (|z| ≥ 2.33 on its evaluation) is held to its own excess: the difference of the mean excess of
 * window and evaluation, in standard errors. Regression: the same difference of mean absolute (mae) or squared (rmse)
 * errors. Undefined when there is nothing to compare with.
 */
export function lossZ(metric: Metric, window: Outcomes, evaluation: Outcomes): number | undefined {
  if (metric === 'mae' || metric === 'rmse') return twoSampleZ(errors(metric, window), errors(metric, evaluation))
  const isCalibrated =
    evaluation.label.length < judgedRowsMin || Math.abs(spiegelhalterZ(evaluation.label, evaluation.score).z) < suspectZ
  if (isCalibrated) return finite(spiegelhalterZ(window.label, window.score).z)
  return twoSampleZ(excesses(window), excesses(evaluation))
}

const finite = (z: number): number => Math.min(1_000, z)

const errors = (metric: Metric, { label, score }: Outcomes): readonly number[] =>
  label.map((value, i) => (metric === 'mae' ? Math.abs(score[i]! - value) : (score[i]! - value) ** 2))

/** (y − p)² − p(1 − p), by row. */
export const excesses = ({ label, score }: Outcomes): readonly number[] =>
  label.map((value, i) => (value - score[i]!) * (1 - 2 * score[i]!))

function twoSampleZ(window: readonly number[], reference: readonly number[]): number | undefined {
  if (window.length < judgedRowsMin || reference.length < judgedRowsMin) return undefined
  const error = Math.sqrt(variance(window) / window.length + variance(reference) / reference.length)
  const difference = mean(window) - mean(reference)
  return difference === 0 ? 0 : finite(difference / error)
}

/**
 * Whether performance is lost: one window of z ≥ 2.33 is a warning, two that follow each other, or one of z ≥ 5, are a
 * loss. With calibrated scores that is wrong in about 0.8 % of years of 25 windows.
 *
 * @param neighbours z of the judged windows next before and next after this one, of the same revision.
 */
export function lossState(z: number, neighbours: readonly (number | undefined)[]): 'ok' | 'warn' | 'alarm' {
  if (z < suspectZ) return 'ok'
  return z >= certainZ || neighbours.some(other => other !== undefined && other >= suspectZ) ? 'alarm' : 'warn'
}
