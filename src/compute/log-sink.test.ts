import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alreadyThere } from './log-sink.ts'

test('of pieces that a process has begun to write and died of, the rest is written', () => {
  const pieces = ['one\n', 'two\n', 'one\n'].map(text => Buffer.from(text))
  const of = (there: string): number => alreadyThere(Buffer.from(there), pieces)

  assert.deepEqual(
    ['', 'one\n', 'one\ntw', 'one\ntwo\none\n', 'one\ntwo\nWaiting: a node\n', 'Waiting: a node\n'].map(of),
    [0, 4, 6, 12, 8, 0],
  )
})
