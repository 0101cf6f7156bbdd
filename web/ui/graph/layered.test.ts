import { test } from 'node:test'
import { layered } from './layered.ts'

const options = { nodeWidth: 100, nodeHeight: 40, gapX: 20, gapY: 10 }
const nodes = (...ids: string[]): { id: string }[] => ids.map(id => ({ id }))
const edges = (...pairs: string[]): { from: string; to: string }[] =>
  pairs.map(pair => ({ from: pair[0]!, to: pair[1]! }))
const orderOf = (placed: ReturnType<typeof layered>, layer: number): string[] =>
  placed
    .filter(each => each.layer === layer)
    .toSorted((a, b) => a.y - b.y)
    .map(({ id }) => id)

test('a diamond has three layers, the middle one above and below the line of the others', t => {
  t.assert.deepEqual(layered(nodes('a', 'b', 'c', 'd'), edges('ab', 'ac', 'bd', 'cd'), options), [
    { id: 'a', layer: 0, x: 0, y: 25 },
    { id: 'b', layer: 1, x: 120, y: 0 },
    { id: 'c', layer: 1, x: 120, y: 50 },
    { id: 'd', layer: 2, x: 240, y: 25 },
  ])
})

test('a node stands right of all that it needs: the longest path counts', t => {
  const placed = layered(nodes('a', 'b', 'c'), edges('ab', 'bc', 'ac'), options)
  t.assert.deepEqual(
    placed.map(({ id, layer }) => [id, layer]),
    [
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ],
  )
})

test('a layer is ordered so that edges do not cross', t => {
  const placed = layered(nodes('a', 'b', 'x', 'y'), edges('ay', 'bx'), options)
  const [left, right] = [orderOf(placed, 0), orderOf(placed, 1)]
  t.assert.deepEqual(
    right,
    left.map(id => ({ a: 'y', b: 'x' })[id]!),
  )
})

test('edges to unknown nodes and cycles leave every node on the page', t => {
  const placed = layered(nodes('a', 'b', 'c'), edges('ab', 'bc', 'cb', 'bz'), options)
  t.assert.deepEqual(placed.map(({ id }) => id).toSorted(), ['a', 'b', 'c'])
})

test('nothing drawn is an empty drawing', t => {
  t.assert.deepEqual(layered([], [], options), [])
})
