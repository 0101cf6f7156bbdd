import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'
import { roomProblems } from './room-problems.ts'

const room = { pools: { licence: 1 }, machine: { cpu: 2, memoryBytes: 4 * 2 ** 30, gpus: [] } }

const problemsOf = (task: object): readonly string[] => {
  const file = parseProjectFile({
    ...rain(),
    pools: { gpu: 4 },
    pipelines: { p: { tasks: { t: task } }, q: { tasks: { t: { run: 'true' } } } },
    models: {},
    deployments: {},
    monitors: {},
  })
  return roomProblems(file, room, 'local').map(({ field, value, allowed }) => `${field}: ${String(value)}: ${allowed}`)
}

test('a task may ask only for room that there can be', () => {
  const at = 'pipelines.p.tasks.t'
  assert.deepEqual(
    [
      { run: 'true', pools: { gpu: 4, licence: 1 }, resources: { cpu: 2, memory: '4GiB' } },
      { run: 'true', pools: { gpu: 5 } },
      { run: 'true', pools: { gpo: 1 } },
      { run: 'true', resources: { cpu: 2.5, memory: '5GiB', gpu: 1 } },
      { run: 'true', queue: 'far', resources: { cpu: 64, gpu: 8 } },
      { run: 'true', executor: 'pods', resources: { cpu: 64, gpu: 8 } },
      { pipeline: 'q', pools: { gpu: 1 } },
    ].map(problemsOf),
    [
      [],
      [`${at}.pools.gpu: 5: 4 at most: pool gpu has no more slots`],
      [`${at}.pools.gpo: 1: one of licence, gpu; did you mean gpu?`],
      [
        `${at}.resources.cpu: 2.5: 2 at most: this machine has no more`,
        `${at}.resources.memory: 5GiB: 4096MiB at most: this machine has no more`,
        `${at}.resources.gpu: 1: 0 at most: this machine has no more`,
      ],
      [],
      [],
      [`${at}.pools.gpu: 1: nothing: the task holds no slots while it waits for others`],
    ],
  )
})
