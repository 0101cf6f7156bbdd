import { short } from './contract.ts'
import { positionsWhere, take } from './frame.ts'
import {
  expectedOf,
  judgedRowsMin,
  lossState,
  lossZ,
  metricOf,
  outcomesOf,
  suspectZ,
  type Performance,
} from './performance.ts'
import { evaluationOutcomes, referenceMetric, type Reference } from './reference.ts'
import type { Signal } from './signal.ts'
import type { Neighbours, Rule, WindowRows } from './window.ts'

interface Input {
  readonly window: WindowRows
  readonly reference: Reference | undefined
  readonly rule: Rule
  readonly neighbours: Neighbours
}

/** The performance of a window: estimated from its scores until enough truth is known, then realised and tested. */
export function performanceOf({ window: { frame }, reference, rule, neighbours }: Input): {
  performance: Performance
  signals: readonly Signal[]
} {
  const { metric } = rule
  const scored = take(
    frame,
    positionsWhere(frame, i => frame.score[i] !== null),
  )
  const outcomes = outcomesOf(scored)
  const rows = outcomes.label.length
  const maturity = scored.at.length === 0 ? 0 : rows / scored.at.length
  const isMature = rows >= judgedRowsMin && maturity >= rule.labelMaturity
  const evaluation = reference ? evaluationOutcomes(reference) : { label: [], score: [] }
  const known = {
    realised: metricOf(metric, outcomes),
    expected: expectedOf(metric, isMature ? outcomes.score : scored.score.filter(score => score !== null)),
    reference: reference && referenceMetric(metric, reference),
    z: isMature ? lossZ(metric, outcomes, evaluation) : undefined,
  }
  const performance: Performance = { metric, maturity, rows, ...withoutUndefined(known) }
  return { performance, signals: [signalOf(performance, rule, neighbours)] }
}

function signalOf(
  { metric, maturity, z, realised, expected }: Performance,
  rule: Rule,
  neighbours: Neighbours,
): Signal {
  const base = { kind: 'performance', name: metric, threshold: suspectZ } as const
  if (z === undefined) {
    const because = `The truth of ${Math.round(maturity * 100)} % of the predictions is known; ${Math.round(rule.labelMaturity * 100)} % and ${judgedRowsMin} rows are needed.`
    return { ...base, state: 'insufficient', score: 0, because }
  }
  const numbers = [
    realised !== undefined && `realised ${short(realised)}`,
    expected !== undefined && `expected ${short(expected)}`,
  ]
    .filter(Boolean)
    .join(', ')
  const because = `${numbers}; z of the loss. Two windows in a row at ${suspectZ}, or one at 5, are a loss.`
  return { ...base, state: lossState(z, neighbours.z), score: z, because }
}

const withoutUndefined = <Facts extends Record<string, number | undefined>>(
  facts: Facts,
): { [Name in keyof Facts]?: number } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as never
