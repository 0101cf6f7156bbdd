import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'
import { roomProblems, type RoomAt } from './room-problems.ts'

const room = { pools: { licence: 1 }, machine: { cpu: 2, memoryBytes: 4 * 2 ** 30, gpus: [] } }

const problemsOf = async (task: object, at: RoomAt = room): Promise<readonly string[]> => {
  const file = parseProjectFile({
    ...rain(),
    pools: { gpu: 4 },
    pipelines: { p: { tasks: { t: task } }, q: { tasks: { t: { run: 'true' } } } },
    models: {},
    deployments: {},
    monitors: {},
  })
  return (await roomProblems(file, at, 'local')).map(
    ({ field, value, allowed }) => `${field}: ${String(value)}: ${allowed}`,
  )
}

test('a task may ask only for room that there can be', async () => {
  const at = 'pipelines.p.tasks.t'
  assert.deepEqual(
    await Promise.all(
      [
        { run: 'true', pools: { gpu: 4, licence: 1 }, resources: { cpu: 2, memory: '4GiB' } },
        { run: 'true', pools: { gpu: 5 } },
        { run: 'true', pools: { gpo: 1 } },
        { run: 'true', resources: { cpu: 2.5, memory: '5GiB', gpu: 1 } },
        { run: 'true', queue: 'far', resources: { cpu: 64, gpu: 8 } },
        { run: 'true', executor: 'pods', resources: { cpu: 64, gpu: 8 } },
        { pipeline: 'q', pools: { gpu: 1 } },
      ].map(task => problemsOf(task)),
    ),
    [
      [],
      [`${at}.pools.gpu: 5: 4 at most: pool gpu has no more slots`],
      [`${at}.pools.gpo: 1: one of licence, gpu; did you mean gpu?`],
      [
        `${at}.resources.cpu: 2.5: 2 at most: no machine has more`,
        `${at}.resources.memory: 5GiB: 4096MiB at most: no machine has more`,
        `${at}.resources.gpu: 1: 0 at most: no machine has more`,
      ],
      [],
      [],
      [`${at}.pools.gpu: 1: nothing: the task holds no slots while it waits for others`],
    ],
  )
})

test('a task may ask for what the machine of any server has, and for no more than one of them has', async () => {
  const far = [
    { cpu: 64, memoryBytes: 2 ** 30, gpu: 0 },
    { cpu: 8, memoryBytes: 2 ** 35, gpu: 4 },
  ]
  const several = { ...room, machines: async () => far }
  const at = 'pipelines.p.tasks.t.resources'
  assert.deepEqual(
    await Promise.all(
      [{ cpu: 64 }, { cpu: 8, memory: '32GiB', gpu: 4 }, { cpu: 65, gpu: 8 }, { cpu: 9, gpu: 1 }].map(resources =>
        problemsOf({ run: 'true', resources }, several),
      ),
    ),
    [
      [],
      [],
      [`${at}.cpu: 65: 64 at most: no machine has more`, `${at}.gpu: 8: 4 at most: no machine has more`],
      [
        `${at}: [object Object]: what one machine has: cpu 2, memory 4096MiB, gpu 0; cpu 64, memory 1024MiB, gpu 0; cpu 8, memory 32768MiB, gpu 4`,
      ],
    ],
  )
})
