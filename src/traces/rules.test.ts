import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correlate } from './correlation.ts'
import { extended, inputDigest, merged } from './evaluation-dataset.ts'
import { preview } from './preview.ts'
import { totalCost, totalUsage, usageOf } from './token-usage.ts'

test('tokens are added from the topmost spans that count them: what is below is in them already', () => {
  const usage = (input: number, more = {}) => ({
    input_tokens: input,
    output_tokens: 1,
    total_tokens: input + 1,
    ...more,
  })
  const nodes = [
    { id: 'root' },
    { id: 'agent', parentId: 'root', usage: usage(10) },
    { id: 'step', parentId: 'agent' },
    { id: 'call', parentId: 'step', usage: usage(9) },
    { id: 'other', parentId: 'root', usage: usage(5, { cache_read_input_tokens: 2 }) },
    { id: 'lost', parentId: 'not here', usage: usage(1) },
  ]

  const total = { input_tokens: 16, output_tokens: 3, total_tokens: 19, cache_read_input_tokens: 2 }
  assert.deepEqual(totalUsage(nodes), total)
  assert.deepEqual(totalUsage(nodes.toReversed()), total)
  assert.equal(totalUsage([{ id: 'root' }]), undefined)
  const cost = { input_cost: 0.5, output_cost: 0.25, total_cost: 0.75 }
  const called = [{ id: 'root' }, { id: 'a', parentId: 'root', cost }, { id: 'b', parentId: 'a', cost }]
  assert.deepEqual(totalCost(called), cost)
})

test('a circle of parents, or a chain of many thousand, is walked once', () => {
  const usage = { input_tokens: 1, output_tokens: 0, total_tokens: 1 }
  const chain = Array.from({ length: 50_000 }, (_, index) => ({
    id: String(index),
    parentId: String(index + 1),
    ...(index % 2 ? {} : { usage }),
  }))
  const circle = [
    { id: 'a', parentId: 'b' },
    { id: 'b', parentId: 'a' },
    { id: 'c', parentId: 'a', usage },
    { id: 'd', parentId: 'd', usage },
  ]

  assert.equal(totalUsage(chain)?.['total_tokens'], 1)
  assert.equal(totalUsage(circle)?.['total_tokens'], 2)
})

test('a count of tokens is read from JSON or a value; what is no number is left out', () => {
  assert.deepEqual(usageOf('{"input_tokens": 3, "output_tokens": "4"}'), { input_tokens: 3 })
  assert.deepEqual(
    [usageOf('no json'), usageOf(null), usageOf({}), usageOf([1])],
    [undefined, undefined, undefined, undefined],
  )
})

test('a preview is the last message of its role, else the beginning of the text', () => {
  const messages = [
    { role: 'user', content: 'first' },
    { role: 'assistant', content: 'no' },
    { role: 'user', content: [{ type: 'text', text: 'last' }] },
  ]

  assert.equal(preview({ messages }, 'user'), 'last')
  assert.equal(
    preview(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'said' } }] }), 'assistant'),
    'said',
  )
  assert.equal(preview({ messages: [null, 5], a: 1 }, 'user'), '{"messages":[null,5],"a":1}')
  assert.equal(preview('x'.repeat(1001), 'user'), `${'x'.repeat(997)}...`)
  assert.deepEqual([preview(null, 'user'), preview(undefined, 'user')], [undefined, undefined])
})

test('NPMI is 1 for what is always together, -1 for never, 0 for independence, NaN where a condition never holds', () => {
  const of = (first: number, second: number, joint: number, total: number) => {
    const { npmi, npmiSmoothed } = correlate({ first, second, joint, total })
    return [npmi, npmiSmoothed].map(value => Number(value.toFixed(4)))
  }

  assert.deepEqual(of(10, 10, 10, 10), [1, 1])
  assert.deepEqual(of(5, 5, 0, 10), [-1, -0.5638])
  assert.deepEqual(of(50, 50, 25, 100), [0, 0])
  assert.deepEqual(of(20, 15, 10, 100), [0.5229, 0.5099])
  assert.deepEqual(of(0, 5, 0, 10), [NaN, NaN])
})

test('records are the same by their inputs in any order of keys; what comes later is merged over what was', () => {
  assert.equal(
    inputDigest({ inputs: { a: 1, b: { c: 2, d: 3 } } }),
    inputDigest({ inputs: { b: { d: 3, c: 2 }, a: 1 } }),
  )
  const known = { inputs: { a: 1 }, outputs: { x: 1, y: 1 }, expectations: { e: 1 }, tags: { t: '1' } }
  assert.deepEqual(merged(known, { inputs: { a: 1 }, outputs: { y: 2 }, expectations: { f: 2 } }), {
    inputs: { a: 1 },
    outputs: { x: 1, y: 2 },
    expectations: { e: 1, f: 2 },
    tags: { t: '1' },
  })
  assert.deepEqual(extended(undefined, [{ inputs: { a: [1] }, outputs: 'text' }]).outputs, 'string')
})
