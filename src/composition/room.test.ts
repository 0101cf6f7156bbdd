import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '#kernel/config.ts'
import { roomOf } from './room.ts'

test('a server has seats for the queues that it is told of', () => {
  const of = (queues: string) => roomOf(readConfig({ TRAINYARD_TASK_QUEUES: queues })).queues

  assert.deepEqual([of('{"gpu": 2}'), roomOf(readConfig({})).queues], [{ gpu: 2 }, {}])
  assert.throws(() => of('{"gpu": 0}'), /--task-queues.*at least 1/s)
})

test('the GPUs of this machine are those that are named, or so many', () => {
  const gpusOf = (env: Readonly<Record<string, string>>) => roomOf(readConfig(env)).machine.gpus

  assert.deepEqual(
    [
      gpusOf({ TRAINYARD_MACHINE_GPUS: '3' }),
      gpusOf({ TRAINYARD_GPU_DEVICES: '2,GPU-8a2f', TRAINYARD_MACHINE_GPUS: '8' }),
      gpusOf({ TRAINYARD_MACHINE_GPUS: '0' }),
    ],
    [['0', '1', '2'], ['2', 'GPU-8a2f'], []],
  )
  assert.throws(() => gpusOf({ TRAINYARD_GPU_DEVICES: '2,2' }), /--gpu-devices.*names that are each another/s)
})
