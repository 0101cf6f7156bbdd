import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agreementOf } from './agreement.ts'
import type { OutputColumn } from './runtime.ts'

const output = (name: string, values: OutputColumn['values'], width = 1): OutputColumn => ({
  name,
  datatype: typeof values[0] === 'string' ? 'BYTES' : 'FP64',
  width,
  values,
})

test('a row agrees by its decision: side of one half, text, or a number within one in a hundred', () => {
  const given = [output('probability', [0.4, 0.6, 0.6]), output('advice', ['leave', 'take', 'take'])]
  const other = [output('advice', ['leave', 'take', 'leave']), output('probability', [0.1, 0.4, 0.9])]

  const { differenceSum, ...counts } = agreementOf(given, other, 3)

  assert.deepEqual(
    { ...counts, differenceMax: Number(counts.differenceMax.toFixed(6)) },
    {
      rows: 3,
      agreed: 1,
      differenceMax: 0.3,
    },
  )
  assert.ok(Math.abs(differenceSum - 0.8) < 1e-9)
  assert.equal(agreementOf([output('price', [100, 100])], [output('price', [100.9, 102])], 2).agreed, 1)
  assert.equal(agreementOf([output('p', [1, 2, 3, 4], 2)], [output('p', [1, 2, 3, 9], 2)], 2).agreed, 1)
})

test('outputs that only one of the two has are passed over', () => {
  const { agreed, differenceMax } = agreementOf([output('a', [1]), output('b', [5])], [output('a', [1])], 1)

  assert.deepEqual([agreed, differenceMax], [1, 0])
})
