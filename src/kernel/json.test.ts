import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, parseExactly } from './json.ts'

test('equal values have equal text, whatever the order of their keys', () => {
  assert.equal(canonicalJson({ b: [1, { d: undefined, c: null }], a: 'x' }), '{"a":"x","b":[1,{"c":null}]}')
})

test('whole numbers beyond 2^53 are their digits, and other numbers are numbers', () => {
  const text = '{"a": 9007199254740993, "b": [0.1234567890123456789, 1e300, 9007199254740991], "c": "9007199254740993"}'

  assert.deepEqual(parseExactly(text), {
    a: '9007199254740993',
    b: [0.12345678901234568, 1e300, Number.MAX_SAFE_INTEGER],
    c: '9007199254740993',
  })
  assert.deepEqual(
    parseExactly('[{"step": 9007199254740993, "n": 9007199254740994}]', name => name === 'step'),
    [{ step: '9007199254740993', n: 9_007_199_254_740_994 }],
  )
  assert.throws(() => parseExactly('{"a": 9007199254740993'), SyntaxError)
})
