import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideShadow, type ShadowView } from './shadow.ts'

const policy = { share: 10, rowsMin: 100, agreement: 0.9, psi: 0.25, minDuration: '1s', maxDuration: '1h' }
const view = (change: Partial<ShadowView>): ShadowView => ({
  rows: 120,
  agreed: 115,
  errors: 0,
  psi: 0.02,
  elapsedMs: 1_000,
  wanted: true,
  ...change,
})

const cases: [name: string, view: ShadowView, outcome: string, says: RegExp][] = [
  ['a shadow that has answered enough is a canary', view({}), 'canary', /said the same to 115 of 120 rows/],
  ['one that has answered too little waits', view({ rows: 99, agreed: 99 }), 'wait', /99 of 100 rows/],
  [
    'after its time it is a canary with fewer rows',
    view({ rows: 5, agreed: 5, elapsedMs: 3_600_000 }),
    'canary',
    /5 of 5/,
  ],
  [
    'one that has answered enough too soon waits',
    view({ elapsedMs: 999 }),
    'wait',
    /copies for 1s; it has answered 120/,
  ],
  [
    'one whose scores are distributed otherwise waits for a person',
    view({ psi: 0.31 }),
    'wait',
    /somebody to decide: the index of its scores is 0\.310, above 0\.25/,
  ],
  [
    'one whose scores are somewhat so is to be watched',
    view({ psi: 0.12 }),
    'canary',
    /0\.120, to be watched above 0\.1/,
  ],
  ['one that says something else too often waits for a person', view({ agreed: 100 }), 'wait', /somebody to decide/],
  [
    'one that fails ends, however few rows it answered',
    view({ rows: 30, agreed: 30, errors: 20 }),
    'end',
    /failed at 20/,
  ],
  ['a few failures are none', view({ errors: 12 }), 'canary', /same/],
  ['one of a version that is no longer wanted ends', view({ wanted: false }), 'end', /no longer/],
]

for (const [name, seen, outcome, says] of cases) {
  test(name, () => {
    const decision = decideShadow(seen, policy)
    assert.equal(decision.outcome, outcome)
    assert.match(decision.outcome === 'wait' ? decision.waitingFor : decision.reason, says)
  })
}

test('a shadow that the project no longer declares is a canary at once', () => {
  assert.equal(decideShadow(view({ rows: 0, agreed: 0 }), undefined).outcome, 'canary')
})
