import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#kernel/id.ts'
import { hashToUnit, pickRevision, saltedUnit } from './traffic.ts'

const revisions = [
  { id: 'a', weight: 90 },
  { id: 'b', weight: 10 },
  { id: 'c', weight: 0 },
]

test('each revision gets its share of many predictions, and one without weight gets nothing', () => {
  const counts = new Map<string, number>()
  for (let i = 0; i < 20_000; i++) {
    const { id } = pickRevision(revisions, newId('prd'))!
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }

  // Four standard deviations of a binomial count.
  const share = counts.get('b')! / 20_000
  assert.ok(Math.abs(share - 0.1) < 4 * Math.sqrt((0.1 * 0.9) / 20_000), `${share}`)
  assert.deepEqual(
    [...counts.keys()].toSorted((x, y) => (x < y ? -1 : 1)),
    ['a', 'b'],
  )
})

test('the same prediction always meets the same revision', () => {
  const id = newId('prd')

  assert.equal(new Set(Array.from({ length: 100 }, () => pickRevision(revisions, id)!.id)).size, 1)
  assert.equal(pickRevision([{ weight: 0 }], id), undefined)
  assert.equal(pickRevision([], id), undefined)
})

test('ids that differ in one character fall on points far apart', () => {
  const points = Array.from({ length: 256 }, (_, i) =>
    hashToUnit(`prd_0199d2f3-0000-7000-8000-0000000000${i.toString(16).padStart(2, '0')}`),
  ).toSorted((a, b) => a - b)

  const widest = Math.max(...points.slice(1).map((point, i) => point - points[i]!))
  assert.ok(widest < 0.05 && points[0]! < 0.05 && points.at(-1)! > 0.95)
})

test('units stay with a canary as its share grows, and the next canary meets others first', () => {
  const units = Array.from({ length: 2_000 }, (_, i) => `user ${i}`)
  const met = (canary: string, weight: number): Set<string> => {
    const shared = [
      { id: 'live', weight: 100 - weight },
      { id: canary, weight },
      { id: 'retired', weight: 0 },
    ]
    return new Set(units.filter(unit => pickRevision(shared, saltedUnit(shared, unit))!.id === canary))
  }
  const [few, some, next] = [met('b', 5), met('b', 20), met('c', 5)]

  assert.ok(few.isSubsetOf(some))
  assert.ok(Math.abs(some.size / 2_000 - 0.2) < 4 * Math.sqrt((0.2 * 0.8) / 2_000), String(some.size))
  assert.ok(few.intersection(next).size < 20, `${few.intersection(next).size} of ${few.size}`)
})
