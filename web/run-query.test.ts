import { test } from 'node:test'
import { columnsOf, columnsText, fieldOf, firstColumns, nested, nextOrder, sortingOf } from './run-query.ts'
import type { RunRow } from './wire.ts'

test('columns go into an address and come back, whatever dots and slashes their keys have', t => {
  const text = 'metrics.val/loss.mean,params.lr,tags.mlflow.user'
  t.assert.equal(columnsText(columnsOf(text)), text)
  t.assert.deepEqual(columnsOf('metrics.,nothing.x,params.lr,x'), [{ kind: 'params', key: 'lr' }])
})

test('keys that are not plain words stand in backticks in a filter or an order', t => {
  t.assert.deepEqual(columnsOf('metrics.val/loss,params.lr').map(fieldOf), ['metrics.`val/loss`', 'params.lr'])
})

test('an experiment shows a few of its metrics and params first', t => {
  const known = { metrics: ['a', 'b', 'c', 'd', 'e'], params: ['p'] }
  t.assert.equal(columnsText(firstColumns(known)), 'metrics.a,metrics.b,metrics.c,metrics.d,params.p')
})

test('clicks on a column sort from the largest, from the smallest, and not at all', t => {
  const first = nextOrder('params.lr DESC', 'metrics.`val/loss`')
  const second = nextOrder(first, 'metrics.`val/loss`')
  t.assert.deepEqual(
    [first, second, nextOrder(second, 'metrics.`val/loss`')],
    ['metrics.`val/loss` DESC', 'metrics.`val/loss` ASC', undefined],
  )
  t.assert.deepEqual(sortingOf(second), { field: 'metrics.`val/loss`', isDescending: false })
  t.assert.equal(sortingOf('whatever'), undefined)
})

test('nested runs stand behind the run that they belong to', t => {
  const row = (id: string, parent?: string): RunRow => ({ id, ...(parent && { parent }) }) as RunRow
  const rows = [row('a', 'top'), row('alone'), row('deep', 'a'), row('orphan', 'elsewhere'), row('top')]
  t.assert.deepEqual(
    nested(rows).map(({ row: { id }, depth }) => [id, depth]),
    [
      ['alone', 0],
      ['orphan', 0],
      ['top', 0],
      ['a', 1],
      ['deep', 2],
    ],
  )
})

test('runs that name each other as parents are there once', t => {
  const rows = [
    { id: 'a', parent: 'b' } as RunRow,
    { id: 'b', parent: 'a' } as RunRow,
    { id: 'c', parent: 'c' } as RunRow,
  ]
  t.assert.deepEqual(
    nested(rows)
      .map(({ row }) => row.id)
      .toSorted(),
    ['a', 'b', 'c'],
  )
})
