import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { gridOf, wholeRuns, type GridTask } from './grid.ts'
import type { Run } from './run.ts'

const run = (id: string): Run => ({
  id: id as Run['id'],
  project: 'rain',
  pipeline: 'training',
  params: {},
  cause: { kind: 'manual', reason: 'A test.' },
  actor: 'ann',
  state: 'succeeded',
  createdAt: 1 as Millis,
})
const task = (
  of: string,
  name: string,
  state: GridTask['state'],
  [startedAt, endedAt]: readonly number[] = [],
): GridTask => ({
  run: of,
  name,
  state,
  ...(startedAt !== undefined && { startedAt: startedAt as Millis }),
  ...(endedAt !== undefined && { endedAt: endedAt as Millis }),
})
const newestFirst = [run('run_3'), run('run_2'), run('run_1')]
const tasks = [
  task('run_3', 'split', 'running', [90]),
  task('run_3', 'train', 'blocked'),
  task('run_2', 'split', 'succeeded', [10, 30]),
  task('run_2', 'train', 'failed', [30, 80]),
  task('run_1', 'import', 'succeeded', [1, 2]),
  task('run_1', 'split', 'skipped'),
]

test('runs stand side by side, oldest first; tasks in the order of the newest, then those that only older runs had', () => {
  const { runs, rows } = gridOf(newestFirst, tasks)

  assert.deepEqual(
    runs.map(({ id }) => id),
    ['run_1', 'run_2', 'run_3'],
  )
  assert.deepEqual(rows, [
    { task: 'split', cells: [{ state: 'skipped' }, { state: 'succeeded', tookMs: 20 }, { state: 'running' }] },
    { task: 'train', cells: [null, { state: 'failed', tookMs: 50 }, { state: 'blocked' }] },
    { task: 'import', cells: [{ state: 'succeeded', tookMs: 1 }, null, null] },
  ])
})

test('a run whose tasks were cut off is left out, unless it is the newest', () => {
  const shown = (max: number) => wholeRuns(newestFirst, tasks, max).map(({ id }) => id)

  assert.deepEqual([6, 5, 4, 3, 1].map(shown), [
    ['run_3', 'run_2', 'run_1'],
    ['run_3', 'run_2'],
    ['run_3', 'run_2'],
    ['run_3'],
    ['run_3'],
  ])
})
