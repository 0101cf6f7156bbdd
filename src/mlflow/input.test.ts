import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { KeyValue, many } from './field.ts'
import { readInput } from './input.ts'

const Input = z.object({ name: z.string(), tags: many(KeyValue), run_id: z.string().optional() })
const read = (body: string): object => readInput(Input, { params: {}, query: {}, body })

test('names in camelCase, absent values and JSON inside a JSON text are read', () => {
  const said =
    '{"name": "a", "runId": "r", "tags": [{"key": "k", "value": null}, {"key": "l", "extraField": {"aB": 1}}]}'
  const expected = {
    name: 'a',
    run_id: 'r',
    tags: [
      { key: 'k', value: '' },
      { key: 'l', value: '' },
    ],
  }

  assert.deepEqual(read(said), expected)
  assert.deepEqual(read(JSON.stringify(said)), expected)
})

test('a body that is no JSON object is refused, never taken for an empty one', () => {
  const Optional = z.object({ name: z.string().optional() })
  const readOptional = (body: unknown): object => readInput(Optional, { params: {}, query: {}, body })

  for (const empty of [undefined, '', ' \n', 'null', '[]', '{}', '"{}"']) assert.deepEqual(readOptional(empty), {})
  for (const body of ['{"name": "a', '{"a":', 'name=a', '[1]', '1', 'true', '"text"', '"[1]"', '['.repeat(100_000)])
    assert.throws(() => readOptional(body), { code: 'invalid' }, body.slice(0, 20))
  assert.throws(() => readOptional('[1]'), {
    detail: { problems: [{ field: 'body', value: '[1]', allowed: 'a JSON object' }] },
  })
})

test('nested lists of names in camelCase take no longer for each level', () => {
  const nested = `{"name": "a", "other": ${'['.repeat(90)}{"aB": 1}${']'.repeat(90)}}`
  const before = performance.now()

  assert.deepEqual(read(nested), { name: 'a', tags: [] })
  assert.ok(performance.now() - before < 1_000)
})

test('JSON that is nested deeper than anything meant is refused', () => {
  const deep = (levels: number): string => `{"name": "a", "other": ${'['.repeat(levels)}${']'.repeat(levels)}}`

  assert.deepEqual(read(deep(99)), { name: 'a', tags: [] })
  for (const levels of [101, 500_000]) assert.throws(() => read(deep(levels)), { code: 'invalid' })
})

test('names of the language itself are names like any other', () => {
  const said = '{"name": "a", "__proto__": {"run_id": "forged"}, "constructor": {"fooBar": 1}, "someThing": 1}'

  assert.deepEqual(read(said), { name: 'a', tags: [] })
})
