import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { createBatcher } from './batcher.ts'
import type { RequestError } from './request-error.ts'
import { ModelFault, type Rows, type Runtime } from './runtime.ts'

/** A runtime whose answers are let go one by one; it answers each row's first input. */
function heldRuntime(limits: Partial<Runtime> = {}) {
  const runs: { batch: readonly Rows[]; answer(): void; fail(error: Error): void }[] = []
  const runtime: Runtime = {
    rowsPerRun: 4,
    rowsWaitingMax: 6,
    memoryBytes: 0,
    run: batch =>
      new Promise((resolve, reject) =>
        runs.push({
          batch,
          answer: () =>
            resolve(
              batch.map(({ columns }) => [
                { name: 'y', datatype: 'FP64', width: 1, values: [...(columns[0] as number[])] },
              ]),
            ),
          fail: reject,
        }),
      ),
    release: async () => {},
    ...limits,
  }
  /** The run of this number, as soon as it has begun. */
  const run = async (number: number) => {
    while (runs.length <= number) await setImmediate()
    return runs[number]!
  }
  return { runtime, runs, run }
}

const rowsOf = (batch: readonly Rows[]): number[] => batch.map(({ rows }) => rows)

test('what arrives while the runtime works runs together next, in runs of as many rows as it takes', async () => {
  const { runtime, runs, run } = heldRuntime()
  const batcher = createBatcher(runtime)

  const answers = [1, 2, 3, 4, 5, 6].map(n => batcher.run(1, [[n]]))
  ;(await run(0)).answer()
  ;(await run(1)).answer()

  assert.deepEqual(
    runs.map(({ batch }) => rowsOf(batch)),
    [
      [1, 1, 1, 1],
      [1, 1],
    ],
  )
  assert.deepEqual(
    (await Promise.all(answers)).map(([y]) => y!.values),
    [[1], [2], [3], [4], [5], [6]],
  )
})

test('a request is refused at once when too many rows wait, and one alone never is', async () => {
  const { runtime, run } = heldRuntime()
  const batcher = createBatcher(runtime)
  const large = batcher.run(20, [Array.from({ length: 20 }, (_, n) => n)])
  await run(0)
  const waiting = batcher.run(5, [[1, 2, 3, 4, 5]])

  await assert.rejects(
    batcher.run(2, [[1, 2]]),
    (error: RequestError) =>
      error.status === 503 && error.shed?.reason === 'queue' && /5 rows wait/.test(error.message),
  )

  ;(await run(0)).answer()
  assert.equal((await large)[0]!.values.length, 20)
  ;(await run(1)).answer()
  assert.equal((await waiting)[0]!.values.length, 5)
  const next = batcher.run(2, [[1, 2]])
  ;(await run(2)).answer()
  await next
})

test('when rows spoil a run each request is run alone; when the process ends all of them fail with it', async () => {
  const { runtime, runs, run } = heldRuntime()
  const batcher = createBatcher(runtime)
  const ends = (answers: Promise<unknown>[]) =>
    Promise.all(
      answers.map(one =>
        one.then(
          () => 'answered',
          (error: Error) => error.message,
        ),
      ),
    )

  const spoilt = ends([batcher.run(1, [[1]]), batcher.run(1, [[2]])])
  ;(await run(0)).fail(new ModelFault('model_failed', 'bad row', true))
  ;(await run(1)).answer()
  ;(await run(2)).fail(new ModelFault('model_failed', 'bad row', true))
  assert.deepEqual(await spoilt, ['answered', 'bad row'])

  const gone = ends([batcher.run(1, [[1]]), batcher.run(1, [[2]])])
  ;(await run(3)).fail(new ModelFault('model_failed', 'gone'))
  assert.deepEqual([await gone, runs.length], [['gone', 'gone'], 4])
})

test('a deployment may let fewer rows wait than its runtime', async () => {
  const { runtime, run } = heldRuntime()
  const batcher = createBatcher(runtime)
  const first = batcher.run(1, [[1]])
  await run(0)
  const second = batcher.run(1, [[2]], { queueRows: 2 })

  await assert.rejects(batcher.run(2, [[3, 4]], { queueRows: 2 }), { status: 503 })

  assert.deepEqual(batcher.waiting, { rows: 1, requests: 1 })
  ;(await run(0)).answer()
  ;(await run(1)).answer()
  await Promise.all([first, second])
})

test('who cannot be served in time is told so at once, and when to come again; who was overtaken is not run', async () => {
  const { runtime, runs, run } = heldRuntime()
  const batcher = createBatcher(runtime)
  const lone = batcher.run(1, [[1]], { until: performance.now() + 60_000 })
  await run(0)
  await new Promise(resolve => setTimeout(resolve, 60))
  ;(await run(0)).answer()
  await lone
  const busy = batcher.run(1, [[2]])
  await run(1)

  await assert.rejects(batcher.run(1, [[3]], { until: performance.now() + 20 }), (error: RequestError) => {
    assert.deepEqual([error.status, error.shed], [503, { reason: 'deadline', retryAfterS: 1 }])
    return true
  })
  const patient = batcher.run(1, [[4]], { until: performance.now() + 150 })
  await new Promise(resolve => setTimeout(resolve, 200))
  ;(await run(1)).answer()

  await assert.rejects(patient, { code: 'deadline_exceeded' })
  await busy
  assert.equal(runs.length, 2)
})

test('batches wait behind all others, find half of the room, and leave when others need it', async () => {
  const { runtime, runs, run } = heldRuntime({ rowsPerRun: 1, rowsWaitingMax: 4 })
  const batcher = createBatcher(runtime)
  const ask = (n: number, isBatch: boolean) =>
    batcher.run(1, [[n]], { isBatch }).then(
      ([y]) => y!.values[0],
      (error: RequestError) => error.shed?.reason,
    )
  const first = ask(0, false)
  await run(0)

  const batches = [10, 11, 12].map(n => ask(n, true))
  const others = [1, 2, 3].map(n => ask(n, false))
  const tooMany = [4, 5].map(n => ask(n, false))
  for (let n = 0; n < 5; n++) (await run(n)).answer()

  assert.deepEqual(
    [await first, await Promise.all(others), await Promise.all(batches), await Promise.all(tooMany)],
    [0, [1, 2, 3], ['queue', 'queue', 'queue'], [4, 'queue']],
  )
  assert.deepEqual(
    runs.map(({ batch }) => batch[0]!.columns[0]),
    [[0], [1], [2], [3], [4]],
  )
})
