import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GateSpec } from '#project'
import { judge, type Measured } from './gate.ts'

const gate: GateSpec = { metric: 'brier', threshold: 0.25, notWorseThanChampion: true, margin: 0.01 }
const measured: Measured = {
  metrics: { brier: 0.2, auc: 0.8 },
  rows: 90,
  incomplete: 0,
  inputs: ['wind'],
  bytes: 2 ** 20,
  slices: [],
  fairness: [],
}
const against = (difference: number, lower: number): Measured => ({
  ...measured,
  champion: { number: 3, loss: 'squared_error', difference: { difference, lower, upper: 0.05 } },
})
const failed = (spec: GateSpec, facts: Measured): string[] =>
  judge(spec, facts)
    .rules.filter(({ passed }) => !passed)
    .map(({ rule }) => rule)

test('a model that keeps every rule passes, and each rule says what was measured and required', () => {
  assert.deepEqual(judge(gate, against(0.005, -0.02)), {
    passed: true,
    rules: [
      {
        rule: 'outputs',
        measured: '90 usable answers',
        required: 'a finite answer in every row, and a probability between 0 and 1',
        passed: true,
      },
      {
        rule: 'signature',
        measured: '1 inputs, all features of the test rows',
        required: 'every input is a feature, and none is the label or a time',
        passed: true,
      },
      { rule: 'threshold', measured: 'brier 0.2', required: 'brier at most 0.25', passed: true },
      {
        rule: 'not worse than the champion',
        measured: '+0.005 squared_error per row against version 3, 95 % interval −0.02 to +0.05, 90 rows',
        required:
          "on the same rows, a mean loss at most 0.01 above the champion's, and an interval that begins at or below that",
        passed: true,
      },
    ],
  })
})

test('a loss may be at most the threshold, a score must be at least it', () => {
  assert.deepEqual(failed({ ...gate, threshold: 0.19 }, measured), ['threshold'])
  assert.deepEqual(failed({ ...gate, metric: 'auc', threshold: 0.8 }, measured), [])
  assert.deepEqual(failed({ ...gate, metric: 'auc', threshold: 0.81 }, measured), ['threshold'])
})

test('a metric that these rows leave undefined does not pass', () => {
  assert.deepEqual(failed({ ...gate, metric: 'f1' }, measured), ['threshold'])
})

test('the margin is the most that the challenger may lose to the champion', () => {
  assert.deepEqual(failed(gate, against(0.0101, -0.02)), ['not worse than the champion'])
  assert.deepEqual(failed(gate, against(0.01, 0.009)), [])
  assert.deepEqual(failed({ ...gate, notWorseThanChampion: false }, against(1, 1)), [])
})

test('a champion that cannot be compared holds the challenger back, no champion does not', () => {
  assert.deepEqual(failed(gate, { ...measured, champion: 'the champion needs sun' }), ['not worse than the champion'])
  assert.deepEqual(failed(gate, measured), [])
})

test('one bad answer or one look at the label is enough to fail', () => {
  assert.deepEqual(failed(gate, { ...measured, badRow: { row: 4, score: Number.NaN } }), [
    'outputs',
    'not worse than the champion',
  ])
  assert.deepEqual(failed(gate, { ...measured, inputs: ['wind', 'label'] }), ['signature'])
})

test('every further metric has its own threshold', () => {
  assert.deepEqual(failed({ ...gate, metrics: { auc: 0.8, f1: 0.1 } }, measured), ['threshold'])
})

const slice = { column: 'city', value: 'Seattle', rows: 40, score: 0.2, threshold: 0.21 }
const sliced: GateSpec = { ...gate, slices: [{ column: 'city', threshold: 0.21, rowsMin: 30 }] }
const worse = { difference: 0.05, lower: 0.02, upper: 0.08 }

test('a slice must reach its threshold and not be surely worse than the champion there', () => {
  assert.deepEqual(failed(sliced, { ...measured, slices: [slice] }), [])
  assert.deepEqual(failed(sliced, { ...measured, slices: [{ ...slice, score: 0.22 }] }), ['slice city = Seattle'])
  assert.deepEqual(failed(sliced, { ...measured, slices: [{ ...slice, difference: worse }] }), ['slice city = Seattle'])
  assert.deepEqual(failed(sliced, { ...measured, slices: [{ ...slice, difference: { ...worse, lower: 0.01 } }] }), [])
})

test('a slicing column without enough rows anywhere cannot be judged, and fails', () => {
  assert.deepEqual(failed(sliced, measured), ['slice city'])
})

test('groups may be no further apart than the bound, and must be comparable', () => {
  const bound = { column: 'city', measure: 'equal_opportunity', groups: 2, max: 0.1 }

  assert.deepEqual(failed(gate, { ...measured, fairness: [{ ...bound, difference: 0.1 }] }), [])
  assert.deepEqual(failed(gate, { ...measured, fairness: [{ ...bound, difference: 0.11 }] }), ['fairness of city'])
  assert.deepEqual(failed(gate, { ...measured, fairness: [bound] }), ['fairness of city'])
})

test('latency and size have budgets', () => {
  assert.deepEqual(failed({ ...gate, latency: 2, size: 1 }, { ...measured, latency: 2 }), [])
  assert.deepEqual(failed({ ...gate, latency: 2, size: 0.5 }, { ...measured, latency: 2.1 }), ['latency', 'size'])
  assert.deepEqual(failed({ ...gate, latency: 2 }, measured), ['latency'])
})

test("a compatible challenger leaves the champion's callers nothing to change", () => {
  const lost = { ...measured, incompatible: ['gives no output probability of FP32'] }

  assert.deepEqual(failed({ ...gate, compatible: true }, lost), ['compatible'])
  assert.deepEqual(failed({ ...gate, compatible: true }, measured), [])
  assert.deepEqual(failed(gate, lost), [])
})
