import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  deployed,
  divided,
  promoted,
  rolledBack,
  routable,
  shadowed,
  weightsOf,
  type RevisionState,
  type Share,
} from './deployment.ts'

const share = (number: number, state: RevisionState, weight: number, liveAt?: number): Share => ({
  id: `rev_${number}`,
  number,
  state,
  weight,
  shadow: 0,
  liveAt,
})
const seen = (shares: readonly Share[]) => shares.map(({ number, state, weight }) => [number, state, weight])

test('the first revision of a deployment gets everything, whatever weight was asked for', () => {
  assert.deepEqual(seen(deployed([share(1, 'retired', 0)], 'rev_1', 10)), [[1, 'live', 100]])
})

test('a later revision is a canary beside the live one, and takes the place of an earlier canary', () => {
  const shares = [share(1, 'live', 80, 1), share(2, 'canary', 20), share(3, 'retired', 0)]

  assert.deepEqual(seen(deployed(shares, 'rev_3', 10)), [
    [1, 'live', 90],
    [2, 'retired', 0],
    [3, 'canary', 10],
  ])
  assert.deepEqual(seen(deployed(shares, 'rev_3', 100)), [
    [1, 'retired', 0],
    [2, 'retired', 0],
    [3, 'live', 100],
  ])
})

test('a canary that is promoted is live, one that is rolled back leaves everything to the live one', () => {
  const shares = [share(1, 'live', 90, 1), share(2, 'canary', 10)]

  assert.deepEqual(seen(promoted(shares, 'rev_2')), [
    [1, 'retired', 0],
    [2, 'live', 100],
  ])
  assert.deepEqual(seen(rolledBack(shares)), [
    [1, 'live', 100],
    [2, 'rolled_back', 0],
  ])
})

test('without a canary a roll-back leads to the revision that was live before, never to one that was rolled back', () => {
  const shares = [
    share(1, 'retired', 0, 10),
    share(2, 'retired', 0, 20),
    share(3, 'rolled_back', 0, 30),
    share(4, 'live', 100, 40),
  ]

  assert.deepEqual(seen(rolledBack(shares)), [
    [1, 'retired', 0],
    [2, 'live', 100],
    [3, 'rolled_back', 0],
    [4, 'rolled_back', 0],
  ])
  assert.throws(() => rolledBack([share(1, 'live', 100, 1)]), { code: 'conflict' })
})

test('weights that a person sets must name revisions and add up to 100', () => {
  const shares = [share(1, 'retired', 0, 1), share(2, 'live', 100, 2), share(3, 'canary', 0)]

  assert.deepEqual(seen(divided(shares, { rev_2: 60, rev_3: 40 })), [
    [1, 'retired', 0],
    [2, 'live', 60],
    [3, 'canary', 40],
  ])
  assert.deepEqual(seen(divided(shares, { rev_1: 70, rev_3: 30 })), [
    [1, 'live', 70],
    [2, 'retired', 0],
    [3, 'canary', 30],
  ])
  assert.throws(() => divided(shares, { rev_2: 60 }), {
    code: 'invalid',
    message: /weights = 60: percentages that add up to 100/,
  })
  assert.throws(() => divided(shares, { rev_2: 60, rev_9: 40 }), {
    code: 'invalid',
    message: /weights.rev_9: a revision of this deployment: rev_1, rev_2, rev_3/,
  })
})

test('the model server holds what has traffic, and what a roll-back would need', () => {
  const shares = [
    share(1, 'retired', 0, 10),
    share(2, 'retired', 0, 20),
    share(3, 'rolled_back', 0, 30),
    share(4, 'live', 90, 40),
    share(5, 'canary', 10),
  ]

  assert.deepEqual(
    routable(shares).map(({ number }) => number),
    [2, 4, 5],
  )
  assert.deepEqual(weightsOf(shares), { rev_4: 90, rev_5: 10 })
})

test('a shadow takes no requests, there is one at a time, and it ends when it is told to or takes requests itself', () => {
  const shares = [share(1, 'live', 100, 1), share(2, 'retired', 0), share(3, 'retired', 0)]
  const second = shadowed(shares, 'rev_2', 10)
  const third = shadowed(second, 'rev_3', 20)
  const seenShadows = (list: readonly Share[]) => list.map(({ state, weight, shadow }) => [state, weight, shadow])

  assert.deepEqual(seenShadows(second).slice(0, 2), [
    ['live', 100, 0],
    ['shadow', 0, 10],
  ])
  assert.deepEqual(seenShadows(third).slice(1), [
    ['retired', 0, 0],
    ['shadow', 0, 20],
  ])
  assert.deepEqual(
    routable(third).map(({ number }) => number),
    [1, 3],
  )
  assert.deepEqual(seenShadows(divided(third, { rev_1: 60, rev_2: 40 })).at(2), ['shadow', 0, 20])
  assert.deepEqual(seenShadows(deployed(third, 'rev_3', 10)).at(2), ['canary', 10, 0])
  assert.deepEqual(seenShadows(shadowed(third, 'rev_3', 0)).at(2), ['retired', 0, 0])
  assert.deepEqual(seenShadows(shadowed([share(1, 'retired', 0)], 'rev_1', 10)), [['live', 100, 0]])
  assert.throws(() => shadowed(shares, 'rev_1', 10), { code: 'conflict' })
})
