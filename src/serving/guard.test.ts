import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCanary } from './guard.ts'
import type { GuardFacts, GuardMinute } from './guard-facts.ts'

const minute = (change: Partial<GuardMinute> = {}): GuardMinute => ({
  minute: 0,
  canaryRequests: 100,
  canaryErrors: 0,
  controlRequests: 900,
  controlErrors: 0,
  canaryInvalid: 0,
  canarySlow: 0,
  controlSlow: 0,
  canaryLate: 0,
  controlLate: 0,
  weight: 10,
  ...change,
})
const facts = (change: Partial<GuardFacts> = {}): GuardFacts => ({
  now: 60_000,
  minutes: [minute()],
  canaryStreak: 0,
  crashes: 0,
  canaryP95Ms: 5,
  controlP95Ms: 5,
  slowMs: 100,
  promise: { availability: 0.999, latencyMs: 1_000 },
  ...change,
})
const verdict = (change: Partial<GuardFacts>) => judgeCanary(facts(change)).verdict

test('without failures there is nothing to tell the two apart', () => {
  assert.deepEqual(judgeCanary(facts({ minutes: [minute(), minute()] })), {
    requests: 200,
    errors: 0,
    controlRequests: 1_800,
    controlErrors: 0,
    slow: 0,
    controlSlow: 0,
    late: 0,
    controlLate: 0,
    burn: 0,
    verdict: 'continue',
    reason: 'There are too few failures and slow answers to tell the two apart.',
    evidence: 0,
    slowEvidence: 0,
  })
})

test('a canary is slow by its share of the slow answers, and passes when neither test speaks against it', () => {
  const look = (change: Partial<GuardMinute>, length = 1) => {
    const { verdict: said, reason } = judgeCanary(facts({ minutes: Array.from({ length }, () => minute(change)) }))
    return [said, reason]
  }
  const open = ['continue', 'There are too few failures and slow answers to tell the two apart.']
  const passed = ['pass', 'The canary neither fails nor is slow more often than the live revision.']
  const even = { canaryErrors: 1, controlErrors: 9 }

  assert.deepEqual(
    [
      look({ canarySlow: 15, controlSlow: 1 }),
      look({ canarySlow: 1, controlSlow: 9 }, 40),
      look({ ...even, canarySlow: 1, controlSlow: 9 }, 40),
      look(even, 40),
      look({ ...even, canarySlow: 1, controlSlow: 2 }, 1),
    ],
    [['reject', 'The canary is slow more than twice as often as the live revision.'], open, passed, passed, open],
  )
})

test('one in two hundred canaries as good as the other may be rejected by each of the two tests', () => {
  const { evidence, slowEvidence } = judgeCanary(
    facts({ minutes: [minute({ canaryErrors: 50, canarySlow: 50, controlErrors: 1, controlSlow: 1 })] }),
  )
  const [bound, step] = [Math.log(0.95 / 0.005), Math.log(2)]
  for (const found of [evidence, slowEvidence]) assert.ok(found >= bound && found < bound + step, `${found}`)
})

test('a canary that takes more of the failures than its share is rejected, one that does not passes', () => {
  assert.equal(verdict({ minutes: [minute({ canaryErrors: 15, controlErrors: 1 })] }), 'reject')
  assert.equal(
    verdict({ minutes: Array.from({ length: 40 }, () => minute({ controlErrors: 9, canaryErrors: 1 })) }),
    'pass',
  )
})

test('a trouble that hits both arms alike speaks against neither', () => {
  assert.equal(verdict({ minutes: [minute({ canaryErrors: 3, controlErrors: 27 })] }), 'continue')
  assert.equal(verdict({ minutes: [minute({ canaryErrors: 90, controlErrors: 810 })], canaryStreak: 50 }), 'pass')
})

test('five failures in a row end a canary whose control is healthy', () => {
  assert.equal(verdict({ canaryStreak: 4 }), 'continue')
  const { verdict: ended, reason } = judgeCanary(facts({ canaryStreak: 5 }))
  assert.deepEqual([ended, reason], ['reject', 'The last 5 requests to the canary failed.'])
})

test('a fifth of failures, three crashes or thrice the latency end a canary', () => {
  const even = { canaryErrors: 21, controlRequests: 0 }
  assert.equal(verdict({ minutes: [minute(even)] }), 'reject')
  assert.equal(verdict({ minutes: [minute({ ...even, canaryRequests: 49, canaryErrors: 11 })] }), 'continue')
  assert.equal(verdict({ crashes: 3 }), 'reject')
  assert.equal(verdict({ canaryP95Ms: 120, controlP95Ms: 30 }), 'reject')
  assert.equal(verdict({ canaryP95Ms: 90, controlP95Ms: 10 }), 'continue')
  assert.equal(verdict({ canaryP95Ms: 120, controlP95Ms: 50 }), 'continue')
  assert.equal(verdict({ canaryP95Ms: 120, controlP95Ms: 30, slowMs: 150 }), 'continue')
})

test('answers that are no number end a canary when they are more than one in a hundred', () => {
  const invalid = { canaryErrors: 2, canaryInvalid: 2, controlErrors: 40 }
  assert.equal(verdict({ minutes: [minute(invalid)] }), 'reject')
  assert.equal(verdict({ minutes: [minute({ ...invalid, canaryInvalid: 1 })] }), 'continue')
  assert.equal(verdict({ minutes: [minute({ ...invalid, canaryRequests: 99 })] }), 'continue')
})

test('at another weight the evidence so far is kept, unless the canary has passed: then it is watched from there', () => {
  const steps = (...weights: number[]) =>
    weights.map(weight => minute({ weight, canaryRequests: 10 * weight, controlRequests: 1_000 - 10 * weight }))
  const [undecided] = steps(5)
  const before = judgeCanary(facts({ minutes: [{ ...undecided!, canaryErrors: 3, controlErrors: 9 }] }))
  assert.deepEqual(
    judgeCanary(facts({ minutes: [{ ...undecided!, canaryErrors: 3, controlErrors: 9 }, ...steps(10)] })).evidence,
    before.evidence,
  )
  const passed = Array.from({ length: 12 }, () => minute({ controlErrors: 10 }))
  assert.deepEqual(
    [
      verdict({ minutes: passed }),
      verdict({ minutes: [...passed, minute({ canaryErrors: 18 })] }),
      verdict({ minutes: [...passed, minute({ weight: 25 })] }),
      verdict({ minutes: [...passed, minute({ weight: 25, canaryErrors: 18 })] }),
    ],
    ['pass', 'pass', 'continue', 'reject'],
  )
})

test('a canary with which the error budget is spent too fast ends, when it lasts without it', () => {
  const half = { canaryRequests: 500, controlRequests: 500, weight: 50 }
  const look = (...minutes: Partial<GuardMinute>[]) => {
    const { verdict: said, burn } = judgeCanary(
      facts({ now: 3_600_000, minutes: minutes.map(each => minute({ ...half, ...each })) }),
    )
    return [said, Number(burn.toFixed(1))]
  }
  // The live revision fails often, the canary not twice as often: that alone rejects nothing.
  const failing = { canaryErrors: 9, controlErrors: 6 }
  const spent = Array.from({ length: 5 }, (_, at) => ({ ...failing, minute: (55 + at) * 60_000 }))

  assert.deepEqual(
    [
      look(...spent),
      // Over for five minutes.
      look(...spent.map(each => ({ ...each, minute: each.minute - 300_000 }))),
      // Only just begun, after an hour that was good.
      look({ minute: 600_000, canaryRequests: 5_000 }, ...spent),
      // The live revision spends as much.
      look(...spent.map(each => ({ ...each, controlErrors: 8 }))),
      // Nine failures are too few to speak of a rate, ten are not.
      look({ ...spent[4], canaryErrors: 9, canaryRequests: 400, controlRequests: 100, controlErrors: 0 }),
      look({ ...spent[4], canaryErrors: 10, canaryRequests: 400, controlRequests: 100, controlErrors: 0 }),
    ],
    [
      ['reject', 15],
      ['continue', 0],
      ['continue', 7.1],
      ['pass', 17],
      ['continue', 18],
      ['reject', 20],
    ],
  )
  assert.equal(
    judgeCanary(facts({ now: 3_600_000, minutes: spent.map(each => minute({ ...half, ...each })) })).reason,
    'With the canary the error budget of 0.999 is spent 15.0 times as fast as it lasts, and without it below 14.4 times.',
  )
})

test('a whole minute in which one answer in a hundred takes thrice what is promised ends a canary, unless the live revision is as late', () => {
  const look = (change: Partial<GuardMinute>, now = 60_000) => verdict({ now, minutes: [minute(change)] })

  assert.deepEqual(
    [
      look({ canaryLate: 2 }),
      look({ canaryLate: 1 }),
      look({ canaryLate: 2, controlLate: 9 }),
      look({ canaryLate: 2, controlLate: 10 }),
      look({ canaryLate: 99, canaryRequests: 99 }),
      look({ canaryLate: 2 }, 59_999),
    ],
    ['reject', 'continue', 'reject', 'continue', 'continue', 'continue'],
  )
  assert.equal(
    judgeCanary(facts({ minutes: [minute({ canaryLate: 2 })] })).reason,
    'In one minute 2 of 100 answers of the canary took longer than 3000 ms, three times what is promised.',
  )
})
