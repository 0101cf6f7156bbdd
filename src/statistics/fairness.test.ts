import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confusionByGroup, fairnessDifference, fairnessMeasures } from './fairness.ts'

/** Group a: 3 of 4 positives found, 1 of 4 negatives wrong. Group b: 1 of 2 found, 2 of 4 wrong. */
const rows = [
  ...[1, 1, 1].map(truth => ['a', truth, 0.9] as const),
  ['a', 1, 0.1],
  ['a', 0, 0.5],
  ...[0, 0, 0].map(truth => ['a', truth, 0.49] as const),
  ['b', 1, 0.8],
  ['b', 1, 0.2],
  ['b', 0, 0.7],
  ['b', 0, 0.6],
  ['b', 0, 0.1],
  ['b', 0, 0.2],
] as const
const groups = confusionByGroup(
  rows.map(([group]) => group),
  Float64Array.from(rows, ([, truth]) => truth),
  Float64Array.from(rows, ([, , score]) => score),
)

test('each group is counted by truth and decision', () => {
  assert.deepEqual(Object.fromEntries(groups), {
    a: { truePositives: 3, falsePositives: 1, trueNegatives: 3, falseNegatives: 1 },
    b: { truePositives: 1, falsePositives: 2, trueNegatives: 2, falseNegatives: 1 },
  })
})

test('each measure is the largest difference between groups', () => {
  const measured = fairnessMeasures.map(measure => [measure, fairnessDifference(measure, groups.values())])

  assert.deepEqual(Object.fromEntries(measured), {
    demographic_parity: 0,
    equal_opportunity: 0.25,
    equalized_odds: 0.25,
    predictive_parity: 0.75 - 1 / 3,
  })
})

test('with one group, or no positives in all but one, nothing can be compared', () => {
  const one = confusionByGroup(['a', 'b', 'b'], Float64Array.of(1, 0, 0), Float64Array.of(0.9, 0.1, 0.1))

  assert.deepEqual(
    [
      fairnessDifference('demographic_parity', [groups.get('a')!]),
      fairnessDifference('equal_opportunity', one.values()),
    ],
    [undefined, undefined],
  )
})
