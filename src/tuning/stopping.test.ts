import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PrunerSpec } from '#project'
import { bracketOf, reasonToStop, rungOf } from './stopping.ts'
import { criterionOf } from './study.ts'
import { studyOf } from './testing.ts'

const pruner = (spec: object): PrunerSpec => studyOf({ pruner: spec }).pruner
const evidence = { step: 3, loss: 5, best: 4, others: [1, 2, 3, 8, 9], completed: 5 }

test('the median rule stops a trial whose best is behind what half of the complete trials had at that step', () => {
  const median = pruner({ type: 'median' })

  assert.match(reasonToStop(median, evidence)!, /behind the median of 5 trials at step 3/)
  assert.equal(reasonToStop(median, { ...evidence, best: 3 }), undefined)
  assert.equal(reasonToStop(median, { ...evidence, completed: 4 }), undefined)
  assert.equal(reasonToStop(median, { ...evidence, others: [] }), undefined)
  assert.equal(reasonToStop(pruner({ type: 'median', warmup: 4 }), evidence), undefined)
  assert.equal(reasonToStop(pruner({ type: 'median', percentile: 75 }), evidence), undefined)
})

test('under ASHA one of three goes on from a rung, as soon as it comes', () => {
  const asha = pruner({ type: 'asha' })

  assert.equal(reasonToStop(asha, { ...evidence, others: [] }), undefined)
  assert.equal(reasonToStop(asha, { ...evidence, others: [7, 8, 9, 10, 11], loss: 7.5 }), undefined)
  assert.equal(
    reasonToStop(asha, { ...evidence, others: [1, 2, 9, 10, 11] }),
    'At step 3 it is number 3 of 6; 2 go on.',
  )
})

test('rungs are at 1, 3, 9, 27 …, and a trial comes to each once', () => {
  const asha = pruner({ type: 'asha' })
  const rungs = [0, 1, 2, 3, 4, 8, 9, 10, 80, 81].map((step, index, all) =>
    rungOf(asha, { step, before: all[index - 1], number: 0, seed: 0 }),
  )

  assert.deepEqual(rungs, [undefined, 0, undefined, 1, undefined, undefined, 2, undefined, 3, 4])
})

test('Hyperband gives its brackets trials by their budgets, and each its own first rung', () => {
  const hyperband = pruner({ type: 'hyperband', most: 27 }) as PrunerSpec & { type: 'hyperband' }
  const counts = [0, 0, 0, 0]
  const first = new Map<number, number>()
  for (let number = 0; number < 4_000; number++) {
    const bracket = bracketOf(hyperband, { number, seed: 1 })
    counts[bracket]! += 1
    const step = Array.from({ length: 28 }, (_, at) => at).find(
      at => rungOf(hyperband, { step: at, before: at - 1, number, seed: 1 }) !== undefined,
    )
    first.set(bracket, step!)
  }

  // As Hyperband's table for 27 steps has it: 27, 12, 6 and 4 trials.
  for (const [bracket, share] of [27 / 49, 12 / 49, 6 / 49, 4 / 49].entries())
    assert.ok(Math.abs(counts[bracket]! / 4_000 - share) < 0.03, String(counts))
  assert.deepEqual(
    [0, 1, 2, 3].map(bracket => first.get(bracket)),
    [1, 3, 9, 27],
  )
})

test('a study ends by the first of its budgets', () => {
  const spec = studyOf({ trials: 10, patience: 4, time: '1h' })
  const ends = (standing: object): unknown => criterionOf(spec, { ended: 0, sinceBest: 0, ageMs: 0, ...standing })

  assert.deepEqual(
    [
      {},
      { ended: 9, sinceBest: 3, ageMs: 3_599_999 },
      { ended: 10, sinceBest: 4 },
      { sinceBest: 4 },
      { ageMs: 3_600_000 },
    ].map(ends),
    [undefined, undefined, 'trials', 'patience', 'time'],
  )
})
