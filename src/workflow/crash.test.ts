import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChild } from './crash-bed.ts'
import { testFolder } from './testing.ts'

const platform = (folder: string, crashPoint?: string) =>
  runChild(new URL('crash-child.ts', import.meta.url), [folder], crashPoint)

/** Where the platform is killed, the calls up to the last task that must be noted, and the attempt that each task then ends with. */
const crashes = [
  { point: 'workflow.run_inserted:1', calls: ['ingest', 'validate', 'train'], attempts: [1, 1, 1, 1] },
  { point: 'workflow.task_claimed:2', calls: ['ingest', 'validate', 'train'], attempts: [1, 2, 1, 1] },
  { point: 'workflow.task_executed:3', calls: ['ingest', 'validate', 'train', 'train'], attempts: [1, 1, 2, 1] },
  { point: 'workflow.task_recorded:1', calls: ['ingest', 'validate', 'train'], attempts: [1, 2, 1, 1] },
  { point: 'workflow.items_inserted:1', calls: ['ingest', 'validate', 'train'], attempts: [1, 1, 1, 2] },
]

for (const { point, calls, attempts } of crashes) {
  test(`killed at ${point}, the platform goes on where it was: one run, each result once`, async t => {
    const folder = await testFolder(t)

    const first = await platform(folder, point)
    const second = await platform(folder)

    assert.deepEqual([first.signal, second.signal, second.complaint], ['SIGKILL', null, ''])
    assert.deepEqual(JSON.parse(second.answer), {
      runs: 1,
      events: [
        'workflow.run_started',
        'workflow.task_finished ingest',
        'workflow.task_finished validate',
        'workflow.task_finished train',
        'workflow.task_finished each[0]',
        'workflow.task_finished each[1]',
        'workflow.task_finished each',
        'workflow.run_finished',
      ],
      tasks: ['ingest', 'validate', 'train', 'each'].map((name, index) => `${name} succeeded ${attempts[index]}`),
    })
    assert.deepEqual((await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n'), [
      ...calls,
      'each[0]',
      'each[1]',
    ])
  })
}
