import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { testEngines } from '#storage/testing.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { sqlLedgerStore } from './store.sql.ts'
import { metadataMigrations } from './tables.ts'

/** A ledger with data -> run -> model, and a second model from the same run. */
async function open(t: TestContext): Promise<Ledger> {
  const db = await testEngines()[0]!.open(t, metadataMigrations)
  const ledger = createLedger({ store: sqlLedgerStore(db), clock: manualClock(7) })
  await db.transaction().execute(async tx => {
    for (const [id, kind] of [
      ['data', 'dataset_version'],
      ['run', 'run'],
      ['model1', 'model_version'],
      ['model2', 'model_version'],
    ] as const) {
      await ledger.record(tx, { id, kind, label: id, project: 'rain' })
    }
    for (const [from, to] of [
      ['run', 'data'],
      ['model1', 'run'],
      ['model2', 'run'],
    ] as const)
      await ledger.link(tx, { from, to, relation: 'made_by' })
  })
  return ledger
}

test('ancestors are everything upstream, the thing itself first', async t => {
  const ledger = await open(t)

  const { nodes, edges, truncated } = await ledger.ancestors('model1')

  assert.deepEqual(
    {
      nodes: nodes.map(node => node.id).toSorted(),
      edges: edges.map(edge => `${edge.from}>${edge.to}`).toSorted(),
      truncated,
    },
    { nodes: ['data', 'model1', 'run'], edges: ['model1>run', 'run>data'], truncated: false },
  )
})

test('descendants are everything downstream', async t => {
  const ledger = await open(t)

  assert.deepEqual((await ledger.descendants('data')).nodes.map(node => node.id).toSorted(), [
    'data',
    'model1',
    'model2',
    'run',
  ])
})

test('a lineage that is cut off says so', async t => {
  const ledger = await open(t)

  const lineage = await ledger.descendants('data', { depthMax: 1 })

  assert.deepEqual([lineage.nodes.map(node => node.id), lineage.truncated], [['data', 'run'], true])
})

test('a prediction is a node without a row', async t => {
  const ledger = await open(t)
  ledger.provide('prd', async id => ({
    node: { id, kind: 'prediction', label: 'rain tomorrow', project: 'rain', at: 7 as never, facts: {} },
    edges: [{ from: id, to: 'model1', relation: 'predicted_by' }],
  }))

  assert.deepEqual((await ledger.ancestors('prd_1')).nodes.map(node => node.id).toSorted(), [
    'data',
    'model1',
    'prd_1',
    'run',
  ])
})

test('an unknown id is refused by name', async t => {
  const ledger = await open(t)

  await assert.rejects(ledger.ancestors('mdv_9'), {
    code: 'not_found',
    message: 'There is no node of the lineage mdv_9.',
  })
})
