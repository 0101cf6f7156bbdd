import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wallClock } from '#kernel/clock.ts'
import { createLiveMetrics } from './live-metrics.ts'
import { openBed } from './testing.ts'

test('metrics are in the tracking run once, also when another process has written some of them', async t => {
  const { tracking, db } = await openBed(t, { isStopped: true })
  const run = await db
    .transaction()
    .execute(tx => tracking.runs.begin(tx, { project: 'rain', experiment: 'a/b', name: 'one', params: {} }))
  const all = [
    { name: 'loss', value: 1, step: 0 },
    { name: 'loss', value: 0.5, step: 1 },
    { name: 'loss', value: 0.5, step: 1 },
    { name: 'auc', value: 0.5 },
    { name: 'loss', value: 0.25, step: 2 },
  ]
  const first = createLiveMetrics({ tracking, clock: wallClock, run, isAdopted: false })
  first.add(all.slice(0, 3))
  await first.still()
  const second = createLiveMetrics({ tracking, clock: wallClock, run, isAdopted: true })
  second.add(all.slice(0, 4))

  await second.end(all)

  const points = async (key: string): Promise<unknown> =>
    (await tracking.history.points(run, key, { limit: 10 })).items.map(({ step, value }) => [step, value])
  assert.deepEqual(await points('auc'), [[0, 0.5]])
  assert.deepEqual(
    ((await points('loss')) as number[][]).filter(([step]) => step !== 1),
    [
      [0, 1],
      [2, 0.25],
    ],
  )
})
