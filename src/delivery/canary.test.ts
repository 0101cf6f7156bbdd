import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Canary } from '#project'
import { atThisStep, decideCanary, type CanaryView } from './canary.ts'

const policy = { ...Canary.parse({ steps: [1, 10, 50] }), requestsMin: 60, maxDuration: '1h' }
const view = (change: Partial<CanaryView>): CanaryView => ({
  verdict: 'continue',
  because: 'There is too little to tell.',
  weight: 50,
  requests: 10,
  standsMs: 600_000,
  elapsedMs: 601_000,
  wanted: true,
  ...change,
})

const cases: [name: string, view: CanaryView, outcome: string][] = [
  ['a canary without a verdict waits', view({}), 'wait'],
  ['a rejected canary is rolled back, however few requests it saw', view({ verdict: 'reject' }), 'roll_back'],
  [
    'a rejected canary is rolled back, however many requests it saw',
    view({ verdict: 'reject', requests: 1_000, elapsedMs: 9e9 }),
    'roll_back',
  ],
  ['a canary that passes at the last step is promoted', view({ verdict: 'pass', standsMs: 0 }), 'promote'],
  ['one with enough requests at the last step and nothing against it is promoted', view({ requests: 60 }), 'promote'],
  ['one with enough requests in too short a time waits', view({ requests: 60, standsMs: 599_999 }), 'wait'],
  ['one that passes before the last step takes more', view({ verdict: 'pass', weight: 1 }), 'advance'],
  ['one with enough requests before the last step takes more', view({ requests: 60, weight: 10 }), 'advance'],
  ['one whose time is over is promoted', view({ requests: 0, weight: 1, elapsedMs: 3_600_000 }), 'promote'],
  [
    'a canary that is worse by the truth is rolled back, whatever its errors say',
    view({ verdict: 'pass', outcome: { verdict: 'worse', reason: 'w' } }),
    'roll_back',
  ],
  [
    'a canary that is better by the truth is promoted at once',
    view({ outcome: { verdict: 'better', reason: 'b' } }),
    'promote',
  ],
  ['a truth that tells nothing leaves it waiting', view({ outcome: { verdict: 'open', reason: 'o' } }), 'wait'],
  [
    'a canary of a version that is no longer wanted is rolled back',
    view({ verdict: 'pass', wanted: false }),
    'roll_back',
  ],
]

for (const [name, seen, outcome] of cases) {
  test(name, () => {
    assert.equal(decideCanary(seen, policy).outcome, outcome)
  })
}

test('a canary says how long it still waits, and one without a declared deployment goes', () => {
  assert.deepEqual(decideCanary(view({ requests: 52 }), policy), {
    outcome: 'wait',
    waitingFor: 'the canary to have answered 52 of 60 requests at 50 %, and to stand there for 10m',
  })
  assert.equal(decideCanary(view({ verdict: 'pass' }), undefined).outcome, 'roll_back')
})

test('each step leads to the next larger one, from whatever weight it has', () => {
  const next = (weight: number, own = policy) =>
    decideCanary(view({ verdict: 'pass', because: 'It is fine.', weight }), own)
  assert.deepEqual(next(1), { outcome: 'advance', weight: 10, reason: 'It is fine.' })
  assert.deepEqual(next(37), { outcome: 'advance', weight: 50, reason: 'It is fine.' })
  assert.deepEqual(next(37, { ...policy, weight: 10 }), { outcome: 'promote', reason: 'It is fine.' })
  assert.deepEqual(decideCanary(view({ requests: 61, weight: 10 }), policy), {
    outcome: 'advance',
    weight: 50,
    reason: '61 requests at 10 %, and nothing to reject it.',
  })
})

test('a canary whose time is over waits for somebody where the project wants that', () => {
  assert.deepEqual(decideCanary(view({ elapsedMs: 3_600_000 }), { ...policy, undecided: 'hold' }), {
    outcome: 'hold',
    waitingFor: 'somebody to decide: after 1h the canary has answered 10 of 60 requests at 50 %',
  })
})

test('what it has answered at its weight counts from the move that gave it on', () => {
  const seen = { requests: 100, since: 1_000 }
  const begin = { move: 'begin', weight: 1, requests: 3, at: 1_500 } as const
  const advance = { move: 'advance', weight: 10, requests: 60, at: 3_000 } as const
  const hold = { move: 'hold', weight: 10, requests: 90, at: 4_000 } as const
  assert.deepEqual(
    [[], [begin], [begin, advance], [begin, advance, hold]].map(moves => atThisStep(moves, seen, 5_000)),
    [
      { requests: 100, standsMs: 4_000 },
      { requests: 100, standsMs: 4_000 },
      { requests: 40, standsMs: 2_000 },
      { requests: 40, standsMs: 2_000 },
    ],
  )
})
