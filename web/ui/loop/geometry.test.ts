import { test } from 'node:test'
import type { Station } from '../../wire.ts'
import { linkState, ringOf, worry } from './geometry.ts'

const station = (part: Partial<Station>): Station => ({
  station: 'runs',
  state: 'ok',
  headline: '',
  detail: '',
  href: '/',
  ...part,
})

test('four stations on a ring stand at top, right, bottom, left, clockwise', t => {
  const { stations } = ringOf({ count: 4, width: 200, height: 120, inset: { x: 20, y: 10 } })
  t.assert.deepEqual(stations, [
    { x: 100, y: 10 },
    { x: 180, y: 60 },
    { x: 100, y: 110 },
    { x: 20, y: 60 },
  ])
})

test('link 0 closes the ring: it leads from the last station to the first', t => {
  const { stations, links } = ringOf({ count: 7, width: 1000, height: 500, inset: { x: 100, y: 50 } })
  const ends = links.map(({ path }) => path.match(/-?[\d.]+/g)!.map(Number))
  t.assert.deepEqual(
    ends.map(numbers => numbers.slice(0, 2)),
    stations.map((_, index) => Object.values(stations.at(index - 1)!)),
  )
  t.assert.deepEqual(
    ends.map(numbers => numbers.slice(-2)),
    stations.map(({ x, y }) => [x, y]),
  )
})

test('stations stand at equal distances along the track, whatever the shape of their place', t => {
  const { links } = ringOf({ count: 7, width: 1140, height: 560, inset: { x: 106, y: 56 } })
  const lengths = links.map(({ path }) => {
    const points = [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)
    return points
      .slice(1)
      .reduce((sum, [x, y], index) => sum + Math.hypot(x - points[index]![0], y - points[index]![1]), 0)
  })
  const mean = lengths.reduce((sum, length) => sum + length) / lengths.length
  t.assert.deepEqual(
    lengths.filter(length => Math.abs(length - mean) > 1),
    [],
  )
})

test('an arrow points the way that the loop turns', t => {
  const { links } = ringOf({ count: 4, width: 100, height: 100, inset: { x: 0, y: 0 } })
  t.assert.deepEqual(
    links.map(({ angle }) => angle),
    [-45, 45, 135, -135],
  )
})

test('a link moves while work is under way, else it shows a lag, else that something has come', t => {
  const states = [
    station({ state: 'running', lag: '3 behind' }),
    station({ lag: '3 behind' }),
    station({}),
    station({ state: 'none' }),
  ]
  t.assert.deepEqual(states.map(linkState), ['moving', 'lag', 'clear', 'idle'])
})

test('a failing project worries more than a lagging one, and that more than one in order', t => {
  const worries = [[station({ state: 'fail' })], [station({ lag: 'behind' })], [station({})]].map(worry)
  t.assert.deepEqual(
    worries,
    worries.toSorted((a, b) => b - a),
  )
  t.assert.equal(new Set(worries).size, 3)
})
