import assert from 'node:assert/strict'
import { test } from 'node:test'
import { performanceEvidence } from './evidence.ts'
import type { Judgement } from './judge.ts'
import type { KeptWindow } from './monitor.ts'

const window = (id: string, from: string, to: string, z: number): KeptWindow =>
  ({
    id,
    from: Date.parse(from),
    to: Date.parse(to),
    scored: 60,
    performance: { metric: 'brier', maturity: 0.95, rows: 57, realised: 0.3309, expected: 0.19, reference: 0.2314, z },
  }) as never

test('the evidence of a loss has its numbers, the window beside it, and where it fell', () => {
  const [now, before] = [
    window('win_2', '2015-01-31', '2015-03-02', 2.95),
    window('win_1', '2015-01-01', '2015-01-31', 3.1),
  ]
  const judgement = {
    performance: now.performance,
    segments: ['New York: brier 0.36 in 30 rows, 0.302 elsewhere'],
    reference: 'training set trs_1',
  } as unknown as Judgement

  assert.deepEqual(performanceEvidence(now, judgement, [before]), [
    'Window 2015-01-31 to 2015-03-02 (win_2): brier 0.331 on 57 of 60 predictions whose truth is known; 0.19 was expected of these scores, 0.231 is that of the evaluation.',
    'The loss lies 3.0 standard errors above what it should be; 2.33 in two windows in a row, or 5 in one, is a loss.',
    'Window 2015-01-01 to 2015-01-31 (win_1), beside it: 3.1 standard errors.',
    'New York: brier 0.36 in 30 rows, 0.302 elsewhere.',
    'Compared with training set trs_1.',
  ])
})
