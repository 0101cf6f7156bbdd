import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paramsOf, seedOf } from './run.ts'
import { underCancel } from './outcome.ts'
import { task } from './testing.ts'

test('a run’s parameters replace those that a task declares, and add none', () => {
  assert.deepEqual(paramsOf(task('x', { params: { c: 0.3, name: 'a' } }), { c: 1, other: 2 }), { c: 1, name: 'a' })
})

test('the seed follows from what a task is given, and from nothing else', () => {
  const given = { task: 'train', params: { c: 1 }, inputs: { rows: { digest: 'a'.repeat(64) as never } } }
  const same = seedOf({ ...given, inputs: { rows: { ...given.inputs.rows, ref: 'dsv_1', size: 7 } } })
  const other = seedOf({ ...given, params: { c: 2 } })

  assert.deepEqual(
    [seedOf(given) === same, seedOf(given) === other, Number.isSafeInteger(same) && same >= 0],
    [true, false, true],
  )
})

test('under a cancel only what has really ended stays as it was', () => {
  const outcomes = [
    { state: 'succeeded', outputs: {}, metrics: {} },
    { state: 'failed', error: 'no' },
    { state: 'retry', error: 'no', nextAt: 1 },
    { state: 'waiting', waitingFor: 'x', nextAt: 1 },
    { state: 'lost', error: 'gone' },
    { state: 'cancelled' },
  ] as const
  assert.deepEqual(
    outcomes.map(outcome => underCancel(outcome).state),
    ['succeeded', 'failed', 'cancelled', 'cancelled', 'cancelled', 'cancelled'],
  )
})
