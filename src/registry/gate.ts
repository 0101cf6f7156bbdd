import type { z } from 'zod'
import { higherIsBetter, type GateSpec, type Metric } from '#project'
import type { Difference } from './comparison.ts'
import type { LossName } from './loss.ts'
import type { FairnessResult, Slice } from './slices.ts'
import type { EvaluationWire, GateRuleWire } from './wire.ts'

export type GateRule = z.output<typeof GateRuleWire>
export type Gate = z.output<typeof EvaluationWire>['gate']

/** What was measured, as the gate needs to know it. */
export interface Measured {
  readonly metrics: Readonly<Record<string, number>>
  readonly rows: number
  /** Test rows that the model server would refuse, for a missing feature. */
  readonly incomplete: number
  readonly inputs: readonly string[]
  /** Length of the model file. */
  readonly bytes: number
  /** 99th percentile of one row in milliseconds, where the gate asks for it. */
  readonly latency?: number | undefined
  readonly slices: readonly Slice[]
  readonly fairness: readonly FairnessResult[]
  /** What callers of the champion would miss, and why; absent without a champion. */
  readonly incompatible?: readonly string[] | undefined
  /** The first row without a usable answer, if there is one. */
  readonly badRow?: { readonly row: number; readonly score: number }
  /** Absent: there is no champion. A text: why the champion cannot be compared. */
  readonly champion?: { readonly number: number; readonly loss: LossName; readonly difference: Difference } | string
}

/** Whether a version may go on to staging, and each rule that said so. All must pass. */
export function judge(gate: GateSpec, measured: Measured): Gate {
  const rules = [
    outputsRule(measured),
    signatureRule(measured),
    thresholdRule(gate.metric, gate.threshold, measured),
    ...Object.entries(gate.metrics ?? {}).map(([metric, threshold]) =>
      thresholdRule(metric as Metric, threshold, measured),
    ),
    championRule(gate, measured),
    ...measured.slices.map(slice => sliceRule(gate, slice)),
    ...emptySlices(gate, measured),
    ...measured.fairness.map(fairnessRule),
    ...budgetRules(gate, measured),
    ...(gate.compatible ? [compatibleRule(measured)] : []),
  ]
  return { passed: rules.every(({ passed }) => passed), rules }
}

function outputsRule({ badRow, rows, incomplete }: Measured): GateRule {
  const left = incomplete > 0 ? `; ${incomplete} rows without all features were left out` : ''
  return {
    rule: 'outputs',
    measured: badRow ? `${badRow.score} in row ${badRow.row + 1}` : `${rows} usable answers${left}`,
    required: 'a finite answer in every row, and a probability between 0 and 1',
    passed: !badRow,
  }
}

/** The rows could not have been read without every input among their columns: what is left to check is foresight. */
function signatureRule({ inputs }: Measured): GateRule {
  const forbidden = inputs.filter(input => input === 'label' || input === 'event_time' || input === 'known_at')
  return {
    rule: 'signature',
    measured:
      forbidden.length > 0 ? `reads ${forbidden.join(', ')}` : `${inputs.length} inputs, all features of the test rows`,
    required: 'every input is a feature, and none is the label or a time',
    passed: forbidden.length === 0,
  }
}

function thresholdRule(metric: Metric, threshold: number, { metrics }: Measured): GateRule {
  const value = metrics[metric]
  return {
    rule: 'threshold',
    measured: value === undefined ? `${metric} is undefined on these rows` : `${metric} ${short(value)}`,
    required: required(metric, threshold),
    passed: reaches(metric, value, threshold),
  }
}

const required = (metric: Metric, threshold: number): string =>
  `${metric} ${higherIsBetter[metric] ? 'at least' : 'at most'} ${short(threshold)}`

const reaches = (metric: Metric, value: number | undefined, threshold: number): boolean =>
  value !== undefined && (higherIsBetter[metric] ? value >= threshold : value <= threshold)

function championRule({ notWorseThanChampion, margin }: GateSpec, { champion, badRow, rows }: Measured): GateRule {
  const rule = 'not worse than the champion'
  if (!notWorseThanChampion)
    return { rule, measured: 'not asked', required: 'nothing: the gate has it switched off', passed: true }
  const required = `on the same rows, a mean loss at most ${short(margin)} above the champion's, and an interval that begins at or below that`
  if (champion === undefined) return { rule, measured: 'no champion yet', required, passed: !badRow }
  if (typeof champion === 'string')
    return { rule, measured: `${champion}; notWorseThanChampion: false lets it through`, required, passed: false }
  const { difference, lower, upper } = champion.difference
  return {
    rule,
    measured: `${signed(difference)} ${champion.loss} per row against version ${champion.number}, 95 % interval ${signed(lower)} to ${signed(upper)}, ${rows} rows`,
    required,
    passed: difference <= margin && lower <= margin,
  }
}

/** A slice is small: it fails when it is surely worse than the champion, not when it merely may be. */
function sliceRule(
  { metric, margin }: GateSpec,
  { column, value, rows, threshold, score, difference }: Slice,
): GateRule {
  const measured = score === undefined ? `${metric} is undefined` : `${metric} ${short(score)}`
  const against = difference
    ? `, ${signed(difference.difference)} against the champion, 95 % interval from ${signed(difference.lower)}`
    : ''
  const demands = [
    ...(threshold === undefined ? [] : [required(metric, threshold)]),
    ...(difference ? [`an interval against the champion that begins at or below ${short(margin)}`] : []),
  ]
  return {
    rule: `slice ${column} = ${value}`,
    measured: `${measured} on ${rows} rows${against}`,
    required: demands.join(', and ') || 'nothing: there is no champion yet, and no threshold',
    passed:
      (threshold === undefined || reaches(metric, score, threshold)) && (!difference || difference.lower <= margin),
  }
}

/** A column without a value that has enough rows: what was asked for cannot be judged. */
const emptySlices = ({ slices = [] }: GateSpec, measured: Measured): GateRule[] =>
  slices
    .filter(({ column }) => !measured.slices.some(slice => slice.column === column))
    .map(({ column, rowsMin }) => ({
      rule: `slice ${column}`,
      measured: 'no value has enough rows',
      required: `a value with at least ${rowsMin} rows`,
      passed: false,
    }))

function fairnessRule({ column, measure, difference, groups, max }: FairnessResult): GateRule {
  return {
    rule: `fairness of ${column}`,
    measured:
      difference === undefined
        ? `${measure} cannot be measured in ${groups} groups`
        : `${measure} differs by ${short(difference)} between ${groups} groups`,
    required: `at most ${short(max)}`,
    passed: difference !== undefined && difference <= max,
  }
}

function budgetRules({ latency, size }: GateSpec, measured: Measured): GateRule[] {
  const megabytes = measured.bytes / 2 ** 20
  const rules: GateRule[] = []
  if (latency !== undefined)
    rules.push({
      rule: 'latency',
      measured:
        measured.latency === undefined ? 'not measured' : `${short(measured.latency)} ms for one row, 99th percentile`,
      required: `at most ${short(latency)} ms`,
      passed: measured.latency !== undefined && measured.latency <= latency,
    })
  if (size !== undefined)
    rules.push({
      rule: 'size',
      measured: `${short(megabytes)} MiB`,
      required: `at most ${short(size)} MiB`,
      passed: megabytes <= size,
    })
  return rules
}

function compatibleRule({ incompatible = [] }: Measured): GateRule {
  return {
    rule: 'compatible',
    measured: incompatible.length === 0 ? "the champion's callers can go on" : incompatible.join('; '),
    required: 'no input that the champion does not have, and no output of it lost',
    passed: incompatible.length === 0,
  }
}

const short = (value: number): string => String(Number(value.toPrecision(4)))
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${short(Math.abs(value))}`
