import assert from 'node:assert/strict'
import { test } from 'node:test'
import { axesOf, brushed, brushesOf, brushesText, rangeOf, recordsOf } from './study.ts'
import type { Study, Trial } from './wire.ts'

const study = {
  metric: 'loss',
  direction: 'minimise',
  space: {
    rate: { type: 'float', low: 0.001, high: 1, log: true },
    kind: { type: 'categorical', choices: ['a', 'b'] },
    depth: { type: 'int', low: 1, high: 9, when: { kind: 'a' } },
  },
} as unknown as Study
const trial = (number: number, value: number | undefined, params: object = {}, state = 'complete'): Trial =>
  ({ number, state, value, params }) as unknown as Trial

test('records are the trials that were better than all before them', () => {
  const trials = [trial(0, 5), trial(1, 7), trial(2, 3, {}, 'pruned'), trial(3, 4), trial(4, undefined, {}, 'failed')]

  assert.deepEqual(recordsOf(study, trials), [
    { number: 0, value: 5 },
    { number: 3, value: 4 },
  ])
  assert.deepEqual(
    recordsOf({ direction: 'maximise' }, trials).map(({ number }) => number),
    [0, 1],
  )
})

test('a few very bad trials do not flatten the others', () => {
  const values = [...Array.from({ length: 18 }, (_, index) => index), 1_000, 2_000]
  const [low, high] = rangeOf(study, values)

  assert.ok(low < 0 && high > 17 && high < 1_100, `${low} ${high}`)
})

test('trials have a place on each axis that they have a value of', () => {
  const axes = axesOf(study, [trial(0, 0), trial(1, 1)], String)
  const one = trial(0, 0, { rate: 0.001, kind: 'b' })

  assert.deepEqual(
    axes.slice(0, 3).map(axis => axis.at(one)),
    [0, 0.75, undefined],
  )
  assert.deepEqual(
    axes.map(({ name }) => name),
    ['rate', 'kind', 'depth', 'loss'],
  )
})

test('brushes choose the trials inside all of them, and stand in the address', () => {
  const trials = [trial(0, 0, { rate: 0.001, kind: 'a', depth: 1 }), trial(1, 1, { rate: 1, kind: 'a', depth: 9 })]
  const brushes = brushesOf('rate:0.5-1,depth:0.1-1,nonsense')

  assert.deepEqual(
    brushed(trials, axesOf(study, trials, String), brushes).map(({ number }) => number),
    [1],
  )
  assert.equal(brushesText(brushes), 'rate:0.5-1,depth:0.1-1')
  assert.equal(brushesText(new Map()), undefined)
})
