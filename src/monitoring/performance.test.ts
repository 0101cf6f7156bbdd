import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mean, seededRandom } from '#statistics'
import { expectedOf, lossState, lossZ, metricOf, type Metric } from './performance.ts'

const none = { label: [], score: [] }

/** Scores as a useful model gives them, and truths that follow them; `bias` makes the model wrong. */
function draw(rows: number, random: () => number, bias = 0): { label: readonly number[]; score: readonly number[] } {
  const score = Array.from({ length: rows }, () => 0.02 + 0.96 * random() ** 1.5)
  return { score, label: score.map(p => (random() < Math.min(1, Math.max(0, p + bias)) ? 1 : 0)) }
}

test('fewer than 2 % of years with a calibrated model report a loss', () => {
  const random = seededRandom(20)
  const years = 1_000

  const wrong = Array.from({ length: years }, () => {
    const z = Array.from({ length: 25 }, () => lossZ('brier', draw(60, random), none)!)
    return z.some((value, i) => lossState(value, [z[i - 1], z[i + 1]]) === 'alarm')
  }).filter(Boolean).length

  assert.ok(wrong / years < 0.02, `${wrong} of ${years} years`)
  assert.ok(wrong > 0, 'The rule can fire.')
})

test('a model that is wrong by 20 points is found within three windows in most years', () => {
  const random = seededRandom(21)

  const found = Array.from({ length: 200 }, () => {
    const z = Array.from({ length: 3 }, () => lossZ('brier', draw(120, random, 0.35), none)!)
    return z.some((value, i) => lossState(value, [z[i - 1], z[i + 1]]) === 'alarm')
  }).filter(Boolean).length

  assert.ok(found > 150, `${found} of 200`)
})

test('a season that is harder to predict is no loss', () => {
  const random = seededRandom(22)
  const hard = Array.from({ length: 400 }, () => 0.4 + 0.2 * random())
  const outcomes = { score: hard, label: hard.map(p => (random() < p ? 1 : 0)) }

  assert.ok(metricOf('brier', outcomes)! > 0.2)
  assert.ok(Math.abs(lossZ('brier', outcomes, none)!) < 2.33)
})

test('a model that never was calibrated is held to its own excess', () => {
  const random = seededRandom(23)
  // Overconfident scores: what happens is nearer to even odds than they say.
  const overconfident = (rows: number): { label: readonly number[]; score: readonly number[] } => {
    const { score } = draw(rows, random)
    return { score, label: score.map(p => (random() < 0.5 + 0.4 * (p - 0.5) ? 1 : 0)) }
  }
  const evaluation = overconfident(400)
  const windows = Array.from({ length: 50 }, () => overconfident(60))

  const naive = windows.filter(window => lossZ('brier', window, none)! >= 2.33).length
  const held = windows.filter(window => lossZ('brier', window, evaluation)! >= 2.33).length

  assert.ok(naive > 10 && held <= 3, `${naive} and ${held} of 50`)
})

test('what is expected of calibrated scores is what they reach', () => {
  const outcomes = draw(20_000, seededRandom(24))

  for (const metric of ['brier', 'log_loss', 'auc', 'accuracy', 'f1'] as const satisfies readonly Metric[]) {
    const [expected, realised] = [expectedOf(metric, outcomes.score)!, metricOf(metric, outcomes)!]
    assert.ok(Math.abs(expected - realised) < 0.012, `${metric}: ${expected} and ${realised}`)
  }
})

test('an error of predictions that grows is a loss, the same error is none', () => {
  const random = seededRandom(25)
  const errors = (size: number): { label: readonly number[]; score: readonly number[] } => {
    const label = Array.from({ length: 200 }, () => random() * 10)
    return { label, score: label.map(value => value + (random() - 0.5) * size) }
  }
  const evaluation = errors(2)

  assert.ok(Math.abs(lossZ('mae', errors(2), evaluation)!) < 2.33)
  assert.ok(lossZ('mae', errors(3), evaluation)! > 5)
  assert.equal(lossZ('mae', errors(3), none), undefined)
  assert.ok(Math.abs(mean(evaluation.label) - 5) < 0.6)
})

test('one window of z 2.33 is a warning, two in a row or one of 5 are a loss', () => {
  assert.deepEqual(
    [
      lossState(2.3, [3]),
      lossState(2.4, [undefined, 2.3]),
      lossState(2.4, [2.33]),
      lossState(2.4, [undefined, 3]),
      lossState(5, []),
    ],
    ['ok', 'warn', 'alarm', 'alarm', 'alarm'],
  )
})
