import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import { causeOfFailure, nextTry, pauseAfter } from './retry.ts'
import { openBed, task } from './testing.ts'

test('pauses double from one second to five minutes, and chance takes a quarter at most', () => {
  assert.deepEqual(
    [1, 2, 3, 9, 10, 100].map(attempt => pauseAfter(attempt, 0)),
    [1_000, 2_000, 4_000, 256_000, 300_000, 300_000],
  )
  assert.deepEqual([pauseAfter(1, 0.5), pauseAfter(2, 1)], [875, 1_500])
  assert.deepEqual(
    [1, 2, 3, 9].map(attempt => pauseAfter(attempt, 0, { pause: '10s', factor: 3, pauseMax: '1m' })),
    [10_000, 30_000, 60_000, 60_000],
  )
})

const failed = (kind: string) => new TrainyardError('task_failed', 'No.', { cause: { kind } })

test('why an attempt came to nothing follows from its error', () => {
  const errors: readonly [unknown, boolean][] = [
    [failed('exit'), false],
    [failed('signal'), false],
    [failed('output'), false],
    [failed('out_of_memory'), false],
    [failed('environment'), false],
    [failed('preempted'), false],
    [failed('exit'), true],
    [new Error('A bug.'), false],
    [new TrainyardError('unavailable', 'Away.'), false],
    [new TrainyardError('data_broken', 'Wind is -1.'), false],
  ]

  assert.deepEqual(
    errors.map(([error, isTimeout]) => causeOfFailure(error, isTimeout)),
    ['exit', 'exit', 'exit', 'out_of_memory', 'environment', 'preempted', 'timeout', 'error', 'error', undefined],
  )
})

test('a task is tried again as often as it was promised, and at no cost after what was not its fault', () => {
  const fresh = { number: 1, attemptsMax: 1, triesFree: 0, retry: undefined } as const
  const cases = [
    nextTry({ ...fresh, cause: 'exit' }),
    nextTry({ ...fresh, cause: 'exit', attemptsMax: 2 }),
    nextTry({ ...fresh, cause: 'environment' }),
    nextTry({ ...fresh, cause: 'environment', triesFree: 5 }),
    nextTry({ ...fresh, cause: 'preempted', retry: { on: ['exit'] } }),
    nextTry({ ...fresh, cause: 'out_of_memory', attemptsMax: 3, retry: { on: ['out_of_memory', 'lost'] } }),
  ]

  assert.deepEqual(cases, [undefined, { isFree: false }, { isFree: true }, undefined, undefined, { isFree: false }])
})

test('a try that the platform owes is not counted, and the others are', async t => {
  const causes = ['environment', 'exit', 'environment', 'exit', 'exit']
  const bed = await openBed(t, {
    handlers: { x: () => Promise.reject(failed(causes.shift() ?? 'exit')) },
  })

  const run = await bed.run({ a: task('x', { retries: 2, retry: { pause: '1ms', pauseMax: '5ms' } }) })

  const [a] = await bed.workflow.tasks(run.id)
  assert.deepEqual([a?.state, a?.attempt, a?.attemptsMax, causes], ['failed', 5, 5, []])
})
