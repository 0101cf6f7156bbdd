import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demandOf, fitting, lacking, take, waitOf, type Candidate, type Demand } from './room.ts'
import { command } from './testing.ts'

const candidate = (id: string, rank: number, demand?: Demand): Candidate => ({ id, rank, demand })

test('what tasks take is told alike for the same, and only of the machine that they run on', () => {
  const resources = { cpu: 1.5, memory: '1GiB', gpu: 1 }
  const of = { project: 'rain', own: { gpu: 4 } }

  assert.deepEqual(
    [
      demandOf(command('x', { pools: { licence: 1, gpu: 2 }, resources }), of),
      demandOf(command('x', { pools: { gpu: 2, licence: 1 }, resources, executor: 'cluster' }), of),
      demandOf(command('x'), of),
    ],
    [
      '{"/licence":1,"@/cpu":1500,"@/gpu":1,"@/memory":1073741824,"rain/gpu":2}',
      '{"/licence":1,"rain/gpu":2}',
      undefined,
    ],
  )
})

test('a task that waits for room is not overtaken by who takes of the same, and others go on', () => {
  const slots = { 'rain/gpu': 4, '/licence': 1 }
  const candidates = [
    candidate('a', 1, { 'rain/gpu': 3 }),
    candidate('b', 2, { 'rain/gpu': 2 }),
    candidate('c', 3, { 'rain/gpu': 1 }),
    candidate('d', 4, { '/licence': 1 }),
    candidate('e', 5),
    candidate('f', 6),
  ]

  assert.deepEqual(
    [fitting(candidates, { slots, taken: {} }, 3), fitting(candidates, { slots, taken: { 'rain/gpu': 2 } }, 10)],
    [
      ['a', 'd', 'e'],
      ['d', 'e', 'f'],
    ],
  )
})

test('what asks for more than a machine has at all is for another one, and keeps nothing from beginning here', () => {
  const candidates = [
    candidate('large', 1, { '@here/cpu': 8_000 }),
    candidate('small', 2, { '@here/cpu': 1_000 }),
    candidate('none', 3, { 'rain/gone': 1 }),
  ]

  assert.deepEqual(fitting(candidates, { slots: { '@here/cpu': 2_000 }, taken: {} }, 3), ['small'])
})

test('whatever is chosen, no more is taken than there is, and the first in rank begins when there is room for it', () => {
  let seed = 7
  const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most
  for (let round = 0; round < 500; round++) {
    const slots = { 'p/a': random(6), 'p/b': random(6) }
    const taken = { 'p/a': random(slots['p/a'] + 1), 'p/b': random(slots['p/b'] + 1) }
    const candidates = Array.from({ length: random(12) }, (_, index) =>
      candidate(
        `${index}`,
        random(5),
        random(4) === 0 ? undefined : { 'p/a': 1 + random(4), ...(random(2) && { 'p/b': 1 }) },
      ),
    )
    const chosen = new Set(fitting(candidates, { slots, taken }, 5))
    const order = candidates.toSorted((x, y) => x.rank - y.rank || (x.id < y.id ? -1 : 1))
    const after = order
      .filter(({ id }) => chosen.has(id))
      .reduce((sum, { demand = {} }) => take(sum, demand), taken as Demand)

    assert.deepEqual(lacking(after, { slots: { 'p/a': 2 * slots['p/a'], 'p/b': 2 * slots['p/b'] }, taken: slots }), [])
    const [first] = order
    if (first && lacking(first.demand ?? {}, { slots, taken }).length === 0) assert.ok(chosen.has(first.id))
  }
})

test('what a task waits for is said in words', () => {
  const room = { slots: { 'rain/gpu': 4, '@host/memory': 2 ** 31 }, taken: { 'rain/gpu': 3, '@host/memory': 2 ** 30 } }

  assert.deepEqual(
    [
      waitOf({ 'rain/gpu': 2 }, room),
      waitOf({ '@host/memory': 1.5 * 2 ** 30, '/licence': 1 }, room),
      waitOf({ 'rain/gpu': 1 }, room),
    ],
    [
      '2 of pool gpu, of 4 1 are free',
      '1536 MiB of memory of machine host, of 2048 MiB 1024 MiB are free; 1 of pool licence, which there is not',
      'its turn at pool gpu',
    ],
  )
})
