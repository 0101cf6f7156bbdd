import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleLanguage } from './example-language.ts'
import { ordersMax, parseOrder } from './parse-order.ts'

test('an order is read with its aliases, ascending unless it says otherwise', () => {
  const items = ['metrics.a DESC', 'params.`b c` asc', 'created', '"start_time" desc', 'metric.a ASC', 'tags.desc']
  assert.deepEqual(parseOrder(items, exampleLanguage), [
    { entity: 'metric', key: 'a', descending: true },
    { entity: 'param', key: 'b c', descending: false },
    { entity: 'attribute', key: 'start_time', descending: false },
    { entity: 'tag', key: 'desc', descending: false },
  ])
  assert.deepEqual(parseOrder([], exampleLanguage), [])
})

test('an order that is wrong is refused with the keys that order', () => {
  const refuse = (item: string, message: RegExp): void =>
    assert.throws(() => parseOrder([item], exampleLanguage), { code: 'invalid', message })
  refuse('', /Invalid order_by on runs at character 1\.[^]*a key of runs/)
  refuse('metrics.a DOWN', /at character 11\.[^]*ASC, DESC or the end/)
  refuse('metrics.a DESC ASC', /at character 16\./)
  refuse('metrics.a, metrics.b', /at character 10\./)
  refuse('version_number', /a key that orders runs: one of run_id, status, start_time, created$/)
  refuse('metrics.a-b', /backticks/)
})

test('an order has no more terms than a statement takes', () => {
  const items = (count: number): string[] => Array.from({ length: count }, (_, index) => `metrics.m${index}`)

  assert.equal(parseOrder(items(ordersMax), exampleLanguage).length, ordersMax)
  assert.throws(() => parseOrder(items(ordersMax + 1), exampleLanguage), { code: 'invalid', message: /at most 30/ })
})
