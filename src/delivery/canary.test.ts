import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideCanary, type CanaryView } from './canary.ts'

const policy = { weight: 10, requestsMin: 60, maxDuration: '1h' }
const view = (change: Partial<CanaryView>): CanaryView => ({
  verdict: 'continue',
  because: 'There is too little to tell.',
  requests: 10,
  elapsedMs: 1_000,
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
  ['a canary that passes is promoted', view({ verdict: 'pass' }), 'promote'],
  ['a canary with enough requests and nothing against it is promoted', view({ requests: 60 }), 'promote'],
  ['a canary that stood long enough is promoted', view({ requests: 0, elapsedMs: 3_600_000 }), 'promote'],
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
    waitingFor: 'the canary to have answered 52 of 60 requests',
  })
  assert.equal(decideCanary(view({ verdict: 'pass' }), undefined).outcome, 'roll_back')
})
