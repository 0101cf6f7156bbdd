import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testFolder } from './testing.ts'

const child = fileURLToPath(new URL('crash-child.ts', import.meta.url))

/** Runs the platform in small over a folder, to its end or to its crash. */
function platform(
  folder: string,
  crashPoint?: string,
): Promise<{ signal: string | null; answer: string; complaint: string }> {
  const env = { ...(crashPoint && { TRAINYARD_CRASHPOINT: crashPoint }) }
  const running = spawn(process.execPath, [child, folder], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let answer = ''
  let complaint = ''
  running.stdout.on('data', (bytes: Buffer) => (answer += bytes.toString()))
  running.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()))
  return new Promise(resolve => running.on('close', (_, signal) => resolve({ signal, answer, complaint })))
}

/** Where the platform is killed, the calls up to the last task that must be noted, and the attempt that each task then ends with. */
const crashes = [
  { point: 'workflow.run_inserted:1', calls: ['ingest', 'validate', 'train'], attempts: [1, 1, 1, 1] },
  { point: 'workflow.task_claimed:2', calls: ['ingest', 'validate', 'train'], attempts: [1, 2, 1, 1] },
  { point: 'workflow.task_executed:3', calls: ['ingest', 'validate', 'train', 'train'], attempts: [1, 1, 2, 1] },
  { point: 'workflow.task_recorded:1', calls: ['ingest', 'validate', 'train'], attempts: [1, 1, 1, 1] },
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
