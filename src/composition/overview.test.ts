import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { Run } from '#workflow'
import { runStation } from './overview.ts'

const run = (pipeline: string, state: Run['state']): Run => ({
  id: `run_${pipeline}` as Run['id'],
  project: 'rain',
  pipeline,
  params: {},
  cause: { kind: 'manual', reason: 'A test.' },
  actor: 'ann',
  state,
  createdAt: 1 as Millis,
})

for (const [runs, state, headline] of [
  [[run('train', 'held'), run('train', 'held'), run('train', 'running')], 'running', 'train running, 2 held'],
  [[run('train', 'held'), run('ingest', 'failed')], 'running', 'train held'],
  [[run('ingest', 'failed'), run('train', 'succeeded')], 'fail', 'ingest failed'],
  [[run('train', 'succeeded'), run('ingest', 'failed')], 'ok', 'train succeeded'],
] as const)
  test(`a loop whose runs are ${runs.map(one => one.state).join(', ')} says ${headline}`, () => {
    const station = runStation(runs)

    assert.deepEqual([station.state, station.headline], [state, headline])
  })
