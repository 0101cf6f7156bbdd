import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { manualClock } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createLedger } from './ledger.ts'
import { sqlLedgerStore } from './store.sql.ts'
import { metadataMigrations } from './tables.ts'

for (const engine of testEngines())
  test(`${engine.name}: the lineage of a database from before numbers is whole afterwards, and goes on`, async t => {
    const last = metadataMigrations.findIndex(({ name }) => name === 'metadata-004')
    const db = await engine.open(t, metadataMigrations.slice(0, last))
    const digest = digestOf('rows')
    for (const statement of [
      `insert into node values ('model', 'model_version', 'rain 1', 'rain', 9, '{"auc":0.9}'),
         ('data', 'dataset_version', 'rows', 'rain', 5, '{"digest":"${digest}"}')`,
      `insert into node_digest values ('${digest}', 'data')`,
      `insert into edge values ('model', 'gone', 'made_by'), ('gone', 'data', 'read'), ('model', 'data', 'trained_on')`,
    ])
      await sql.raw(statement).execute(db)

    await migrate(db, metadataMigrations)

    const store = sqlLedgerStore(db)
    const ledger = createLedger({ store, clock: manualClock(12) })
    await db.transaction().execute(tx =>
      ledger.recordAll(tx, {
        nodes: [{ id: 'gone', kind: 'run', label: 'fit', project: 'rain' }],
        edges: [
          { from: 'model', to: 'data', relation: 'trained_on' },
          { from: 'live', to: 'model', relation: 'serves' },
        ],
        firstEdges: [{ from: 'model', to: 'other', relation: 'made_by' }],
      }),
    )
    const { nodes, edges, truncated } = await ledger.ancestors('model')
    const { downstream } = await store.walk({ downstream: ['data'] }, 9)
    const words = ({ from, to, relation }: (typeof edges)[number]): string => `${from} ${relation} ${to}`
    assert.deepEqual(
      {
        nodes: nodes.toSorted((a, b) => a.at - b.at),
        edges: edges.map(words).toSorted(),
        truncated,
        downstream: downstream?.edges.map(words).toSorted(),
        projects: await ledger.projectsOf(digest),
      },
      {
        nodes: [
          { id: 'data', kind: 'dataset_version', label: 'rows', project: 'rain', at: 5, facts: { digest } },
          { id: 'model', kind: 'model_version', label: 'rain 1', project: 'rain', at: 9, facts: { auc: 0.9 } },
          { id: 'gone', kind: 'run', label: 'fit', project: 'rain', at: 12, facts: {} },
        ],
        edges: ['gone read data', 'model made_by gone', 'model trained_on data'],
        truncated: false,
        downstream: ['gone read data', 'live serves model', 'model made_by gone', 'model trained_on data'],
        projects: ['rain'],
      },
    )
  })
