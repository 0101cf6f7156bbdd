import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRunCost } from './run-cost.ts'

const learned = (runs: readonly (readonly [rows: number, ms: number])[]) => {
  const cost = createRunCost()
  for (const [rows, ms] of runs) cost.learn(rows, ms)
  return (count: number, rows: number): number => Number(cost.of(count, rows).toFixed(6))
}

test('what a run and what a row takes is told apart as soon as runs differ', () => {
  const of = learned([
    [1, 2.5],
    [8, 6],
    [32, 18],
  ])

  assert.deepEqual([of(1, 1), of(1, 64), of(3, 192)], [2.5, 34, 102])
})

test('nothing is known at first, and of runs of one size only what a run takes', () => {
  assert.equal(learned([])(4, 100), 0)
  const of = learned([
    [5, 3],
    [5, 3],
  ])
  assert.deepEqual([of(1, 5), of(2, 100)], [3, 6])
})

test('no run is thought to take less for having more rows, or less than nothing', () => {
  const falling = learned([
    [1, 9],
    [10, 1],
  ])
  assert.ok(falling(1, 10) >= falling(1, 1))
  const steep = learned([
    [1, 0.1],
    [10, 10],
  ])
  assert.ok(steep(0, 1) > 0 && steep(1, 1) > 0)
})

test('a model that has become slower is known as such after some runs', () => {
  const cost = createRunCost()
  for (let run = 0; run < 500; run++) cost.learn(1, 1)
  for (let run = 0; run < 60; run++) cost.learn(1, 10)

  assert.ok(cost.of(1, 1) > 9)
})
