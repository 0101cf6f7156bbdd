import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logisticOnnx } from '#registry'
import { mayTurn } from './onnx-turns.ts'
import { turnsOnnx } from './testing-onnx.ts'

/** Parts of a message of Protocol Buffers: of the number of their field, each shorter than 128 bytes. */
const message = (...parts: readonly (readonly [field: number, content: Buffer | string])[]): Buffer =>
  Buffer.concat(
    parts.map(([field, content]) => {
      const tag = field * 8 + 2
      return Buffer.concat([
        Buffer.from(tag < 128 ? [tag] : [(tag % 128) + 128, Math.floor(tag / 128)]),
        Buffer.from([Buffer.byteLength(content)]),
        Buffer.from(content),
      ])
    }),
  )

const [scan, add] = ['Scan', 'Add'].map(operator => message([3, 'Loop'], [4, operator]))
const within = message([4, 'If'], [5, message([1, 'then_branch'], [6, message([1, scan!])])])

const cases: readonly (readonly [what: string, model: Uint8Array, expected: boolean])[] = [
  ['a loop', turnsOnnx, true],
  ['none', logisticOnnx({ weights: { wind: 1 }, intercept: 0 }), false],
  ['one within a condition', message([7, message([1, within])]), true],
  ['one in a function of its own', message([25, message([7, scan!])]), true],
  ['nothing but the name', message([7, message([1, add!])]), false],
  ['no model', Buffer.from('Loop'), false],
]

test('a model that turns as often as a request says is known by its operators', () => {
  assert.deepEqual(
    cases.map(([what, model]) => [what, mayTurn(Buffer.from(model))]),
    cases.map(([what, , expected]) => [what, expected]),
  )
})
