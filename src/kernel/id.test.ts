import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstId, instantOf, newId } from './id.ts'
import { idOf } from './wire.ts'

test('an identifier carries the instant of its making', () => {
  const before = Date.now()
  const at = instantOf(newId('run'))!

  assert.ok(at >= before - 1 && at <= Date.now() + 10)
  assert.equal(instantOf('run_1'), undefined)
})

test('the first identifier of an instant divides those made before from those made since', () => {
  const id = newId('prd')
  const at = instantOf(id)!

  assert.ok(firstId('prd', at) <= id && id < firstId('prd', at + 1))
})

test('identifiers sort in the order of their making, also within a millisecond', () => {
  const ids = Array.from({ length: 10_000 }, () => newId('run'))

  assert.deepEqual(ids, ids.toSorted())
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(idOf('run').safeParse(ids[5_000]).success)
})
