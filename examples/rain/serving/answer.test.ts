import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postprocess } from './answer.ts'

test('an umbrella is advised from even odds on', () => {
  assert.deepEqual(postprocess({ probability: [0.1, 0.499, 0.5, 0.9] }), {
    advice: ['leave the umbrella', 'leave the umbrella', 'take an umbrella', 'take an umbrella'],
  })
})
