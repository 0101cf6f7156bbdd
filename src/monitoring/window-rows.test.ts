import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prediction } from './ports.ts'
import { frameOf, revisionOf } from './window-rows.ts'

const prediction = (id: string, revision: string, outputs: Prediction['outputs']): Prediction => ({
  id,
  deployment: 'rain',
  revision,
  version: `mdv of ${revision}`,
  eventTime: 1 as Prediction['eventTime'],
  receivedAt: 1 as Prediction['receivedAt'],
  features: { wind: 3 },
  outputs,
  latencyMs: 1,
})

test('inputs are everybody’s, scores and truth those of the window’s revision', () => {
  const rows = [
    prediction('a', 'rev_1', { p: 0.2 }),
    prediction('b', 'rev_2', { p: 0.9 }),
    prediction('c', 'rev_1', { p: 0.4 }),
  ]
  const truths = new Map([
    ['a', 1],
    ['b', 1],
  ])

  const frame = frameOf(rows, { revision: 'rev_1', features: ['wind', 'rain'], scoreKey: 'p', truths })

  assert.deepEqual(frame, {
    at: [1, 1, 1],
    key: [null, null, null],
    features: { wind: [3, 3, 3], rain: [null, null, null] },
    score: [0.2, null, 0.4],
    label: [1, null, null],
  })
})

test('an answer that serving code has renamed is the one number among the outputs', () => {
  const scores = (outputs: Prediction['outputs']): readonly (number | null)[] =>
    frameOf([prediction('a', 'rev_1', outputs)], { revision: 'rev_1', features: [], scoreKey: 'p', truths: new Map() })
      .score

  assert.deepEqual([scores({ chance: 0.3, advice: 'umbrella' }), scores({ low: 0.1, high: 0.3 })], [[0.3], [null]])
})

test('a window is the live revision’s when it answered, else that of whoever answered most', () => {
  const live = { id: 'rev_2', version: 'mdv_2' }
  const answered = (...revisions: readonly string[]) => ({
    answered: revisions.map((revision, i) => prediction(String(i), revision, {})),
    rows: 0,
    errors: 0,
  })

  assert.deepEqual(
    [
      revisionOf(live, answered('rev_1', 'rev_1', 'rev_2')).id,
      revisionOf(live, answered('rev_1', 'rev_3', 'rev_3')),
      revisionOf(live, answered()),
    ],
    ['rev_2', { id: 'rev_3', version: 'mdv of rev_3' }, live],
  )
})
