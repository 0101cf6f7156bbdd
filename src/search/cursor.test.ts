import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TrainyardError } from '#kernel/error.ts'
import { cursorsOf, decodeCursor, encodeCursor } from './cursor.ts'

test('a cursor gives back the values it was made of', () => {
  const values = ['größe', 1.5, -3, null, '', 1e300]
  const cursor = encodeCursor(values)
  assert.match(cursor, /^[\w-]+$/)
  assert.deepEqual(decodeCursor(cursor, 6), values)
})

test('what is no cursor is refused as invalid', () => {
  const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const wrong = [
    ['', 1],
    ['x', 1],
    ['%%%', 1],
    [forged({ length: 1 }), 1],
    [forged([1]), 2],
    [forged([[1]]), 1],
    [forged([true]), 1],
    [forged(['a\0']), 1],
    [forged(null), 1],
    [Buffer.from('[1e999]').toString('base64url'), 1],
  ] as const
  for (const [text, length] of wrong) {
    assert.throws(() => decodeCursor(text, length), { code: 'invalid', message: /page token is malformed/ }, text)
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), text => {
      assert.throws(() => decodeCursor(text, 3), TrainyardError)
    }),
  )
})

test('a cursor is good for the search that gave it, however its parts are written down, and for no other', () => {
  const filter = { entity: 'params', key: 'lr', operator: '=', value: '0.1' } as const
  const cursors = cursorsOf({ filter, order: [{ key: 'name', descending: true }] })
  const cursor = cursors.encode(['a', null])

  assert.deepEqual(cursorsOf({ order: [{ descending: true, key: 'name' }], filter }).decode(cursor, 2), ['a', null])
  for (const other of [{ filter }, { filter, order: [{ key: 'name', descending: false }] }, undefined])
    assert.throws(() => cursorsOf(other).decode(cursor, 2), { message: /page token is of another search/ })
  for (const text of ['!', encodeCursor(['a', null]), cursors.encode(['a'])])
    assert.throws(() => cursors.decode(text, 2), { code: 'invalid' })
})

test('a number that JSON cannot hold is a mistake of the caller', () => {
  assert.throws(() => encodeCursor([Number.NaN]), RangeError)
})
