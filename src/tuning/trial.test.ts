import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importanceOf } from './importance.ts'
import { planeOf } from './plane.ts'
import { search, studyOf } from './testing.ts'
import { createHistory, leadersMax, type Seen } from './trial.ts'

const seen = (number: number, more: Partial<Seen> = {}): Seen => ({
  number,
  state: 'complete',
  params: {},
  loss: number,
  step: undefined,
  note: undefined,
  ...more,
})

test('the best are complete trials by loss, then stopped ones by how far they came', () => {
  const history = createHistory()
  history.put(seen(0, { state: 'running', loss: undefined }))
  history.put(seen(1, { loss: 9 }))
  history.put(seen(2, { state: 'pruned', loss: 1, step: 5 }))
  history.put(seen(3, { state: 'pruned', loss: 2, step: 9 }))
  history.put(seen(4, { state: 'failed', loss: undefined }))
  history.put(seen(5, { state: 'pruned', loss: undefined }))
  history.put(seen(0, { loss: 3 }))

  assert.deepEqual(
    {
      leaders: history.leaders.map(({ number }) => number),
      ended: history.ended.map(({ number }) => number),
      measured: history.measured,
      newest: history.newest(2).map(({ number }) => number),
    },
    { leaders: [0, 1, 3, 2], ended: [1, 2, 3, 4, 5, 0], measured: 4, newest: [4, 5] },
  )
})

test('of many trials only the best are kept apart', () => {
  const history = createHistory()
  for (let number = 0; number < 500; number++) history.put(seen(number, { loss: (number * 7919) % 500 }))

  assert.deepEqual(
    history.leaders.map(({ loss }) => loss),
    Array.from({ length: leadersMax }, (_, index) => index),
  )
})

test('importance is with the parameter that decides', async () => {
  const range = { type: 'float', low: 0, high: 1 }
  const spec = studyOf({ space: { much: range, little: range, nothing: range }, sampler: { type: 'random' } })
  const loss = ({ much, little }: Record<string, number>): number => 10 * much! + little!
  const { tried } = search(spec, 200, loss)
  const trials = tried.map((params, number) => seen(number, { params, loss: loss(params as never) }))

  const { much, little, nothing } = (await importanceOf(planeOf(spec.space), trials))! as Record<string, number>

  assert.ok(much! > 0.85 && little! < 0.1 && nothing! < 0.05, JSON.stringify({ much, little, nothing }))
  assert.equal(await importanceOf(planeOf(spec.space), trials.slice(0, 7)), undefined)
})
