import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrainyardError } from '#kernel/error.ts'
import { readExecutors } from './executor-settings.ts'

const image = `registry.example.org/train@sha256:${'a'.repeat(64)}`

test('executors are read by name, with what each can do', () => {
  const { at } = readExecutors(
    {
      ray: { kind: 'ray', url: 'http://head:8265' },
      hpc: { kind: 'slurm', partition: 'gpu' },
      pods: { kind: 'kubernetes', image },
    },
    'hpc',
  )
  assert.deepEqual(at, {
    known: {
      local: { isLocal: true, distributes: false, containers: false },
      ray: { isLocal: false, distributes: false, containers: false },
      hpc: { isLocal: false, distributes: true, containers: false },
      pods: { isLocal: false, distributes: true, containers: { image } },
    },
    fallback: 'hpc',
  })
})

test('a setting that is wrong is named', () => {
  const fields = (executors: unknown, fallback = 'local'): readonly string[] => {
    try {
      readExecutors(executors, fallback)
    } catch (error) {
      return ((error as TrainyardError).detail['problems'] as { field: string }[]).map(({ field }) => field)
    }
    return []
  }
  assert.deepEqual(
    [
      fields({ x: { kind: 'mesos' } }),
      fields({ ray: { kind: 'ray' } }),
      fields({ pods: { kind: 'kubernetes', image: 'train:latest' } }),
      fields({ local: { kind: 'slurm' } }),
      fields({}, 'ray'),
      fields('not json'),
    ],
    [
      ['executors.x.kind'],
      ['executors.ray.url'],
      ['executors.pods.image'],
      ['executors.local'],
      ['executor'],
      ['executors'],
    ],
  )
})
