import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from './random.ts'
import { guardStart, guardStep } from './sprt.ts'
import type { BadEvent, GuardOptions, GuardState } from './sprt.ts'

const canary: BadEvent = { arm: 'canary', canaryShare: 0.5 }
const control: BadEvent = { arm: 'control', canaryShare: 0.5 }
const after = (events: BadEvent[], options?: GuardOptions) =>
  events.reduce<GuardState>((state, event) => guardStep(state, event, options), guardStart)
const repeat = (event: BadEvent, times: number) => Array<BadEvent>(times).fill(event)

/** Bad events of a canary whose rate is `ratio` times the control's, until there is a verdict. */
function run(random: () => number, canaryShare: number, ratio: number): GuardState {
  const p = (canaryShare * ratio) / (canaryShare * ratio + 1 - canaryShare)
  let state = guardStart
  while (state.verdict === 'continue') {
    state = guardStep(state, { arm: random() < p ? 'canary' : 'control', canaryShare })
  }
  return state
}

test('evidence is the log-likelihood ratio of a rate twice as high', () => {
  // w = ½, r = 2: p₀ = ½, p₁ = ⅔.
  const { evidence, canaryEvents, controlEvents, verdict } = after([canary, canary, control])

  assert.ok(Math.abs(evidence - (2 * Math.log(4 / 3) + Math.log(2 / 3))) < 1e-12)
  assert.deepEqual([canaryEvents, controlEvents, verdict], [2, 1, 'continue'])
})

test('a run of bad canary events rejects when it reaches ln 95', () => {
  // 15·ln(4/3) = 4.315 < 4.554 ≤ 16·ln(4/3) = 4.603
  assert.equal(after(repeat(canary, 15)).verdict, 'continue')
  assert.equal(after(repeat(canary, 16)).verdict, 'reject')
})

test('a run of bad control events passes when it reaches ln(0.05/0.99)', () => {
  // 7·ln(2/3) = −2.838 > −2.986 ≥ 8·ln(2/3) = −3.244
  assert.equal(after(repeat(control, 7)).verdict, 'continue')
  assert.equal(after(repeat(control, 8)).verdict, 'pass')
  // The bound itself: −8·ln(1 + w) is −2.982 at w = 0.4517 and −2.990 at w = 0.4532.
  assert.equal(after(repeat({ ...control, canaryShare: 0.4517 }, 8)).verdict, 'continue')
  assert.equal(after(repeat({ ...control, canaryShare: 0.4532 }, 8)).verdict, 'pass')
})

test('a decided guard stays decided', () => {
  const rejected = after(repeat(canary, 16))
  const passed = after(repeat(control, 8))

  assert.equal(guardStep(rejected, control), rejected)
  assert.equal(guardStep(passed, canary), passed)
})

test('each event counts with the share of traffic at its time', () => {
  // At w = 0.1, r = 2: ln(2/1.1) for the canary and −ln 1.1 for the control.
  const { evidence } = after([canary, { arm: 'canary', canaryShare: 0.1 }, { arm: 'control', canaryShare: 0.1 }])

  assert.ok(Math.abs(evidence - (Math.log(4 / 3) + Math.log(2 / 1.1) - Math.log(1.1))) < 1e-12)
})

test('smaller error rates and smaller ratios ask for more evidence', () => {
  assert.equal(after(repeat(canary, 16), { alpha: 0.002 }).verdict, 'continue')
  assert.equal(after(repeat(control, 8), { beta: 0.01 }).verdict, 'continue')
  assert.equal(after(repeat(canary, 16), { toleratedRatio: 1.5 }).verdict, 'continue')
})

test('a canary as good as the control is rejected at most 1 time in 100, looking after every event', () => {
  for (const share of [0.05, 0.25, 0.5]) {
    const random = seededRandom(21)
    const rejected = Array.from({ length: 2000 }, () => run(random, share, 1)).filter(
      s => s.verdict === 'reject',
    ).length
    assert.ok(rejected >= 4 && rejected <= 28, `${rejected} of 2000 at ${share}`)
  }
})

test('a canary twice as bad is rejected about 95 times in 100', () => {
  for (const share of [0.05, 0.25, 0.5]) {
    const random = seededRandom(22)
    const rejected = Array.from({ length: 1000 }, () => run(random, share, 2)).filter(
      s => s.verdict === 'reject',
    ).length
    assert.ok(rejected >= 930 && rejected <= 980, `${rejected} of 1000 at ${share}`)
  }
})

test('shares and error rates that no test can have are refused', () => {
  for (const canaryShare of [0, 1, NaN])
    assert.throws(() => guardStep(guardStart, { ...canary, canaryShare }), RangeError)
  for (const options of [{ alpha: 0 }, { beta: 1 }, { toleratedRatio: 1 }]) {
    assert.throws(() => guardStep(guardStart, canary, options), RangeError)
  }
})
