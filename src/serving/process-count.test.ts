import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usualProcesses } from './process-count.ts'

test('a process for each core answers, as far as a quarter of the memory goes and never more than eight', () => {
  const gib = 1024 ** 3
  const machines = [
    { cores: 1, memoryBytes: 0.25 * gib },
    { cores: 2, memoryBytes: 4 * gib },
    { cores: 8, memoryBytes: 2 * gib },
    { cores: 64, memoryBytes: 256 * gib },
  ]

  assert.deepEqual(machines.map(usualProcesses), [1, 2, 4, 8])
})
