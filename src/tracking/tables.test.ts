import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { metadataMigrations } from '#metadata'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { migrations, trackingOf } from './testing.ts'

const trk = 'trk_01a1facd-0000-7000-8000-000000000001'

for (const engine of testEngines())
  test(`${engine.name}: tracking runs of a database from before experiments are all there afterwards`, async t => {
    const db = await engine.open(t, metadataMigrations)
    for (const statement of [
      `insert into tracking_run values ('${trk}', 'rain', 'fit/train', 'try 1', 'finished', 'run_1', 'tsk_1', 5, 9)`,
      `insert into tracking_run values ('trk_2', 'rain', 'fit/train', 'try 2', 'running', null, null, 6, null)`,
      `insert into tracking_run values ('trk_3', 'sun', 'fit/train', 'try', 'failed', null, null, 7, 8)`,
      `insert into tracking_param values ('${trk}', 'depth', '3')`,
      `insert into tracking_metric values ('${trk}', 'loss', 1, 0.5, 6), ('${trk}', 'loss', 2, 0.25, 7)`,
      `insert into tracking_latest values ('${trk}', 'loss', 2, 0.25)`,
    ])
      await sql.raw(statement).execute(db)

    await migrate(db, migrations)

    const { experiments, runs, history, ledger, log } = trackingOf(db)
    const experiment = await experiments.byName('rain/fit/train')
    const document = await runs.document(trk)
    await log.add({ run: trk, points: [{ key: 'loss', value: 0.1, step: 3, timestamp: 8 }] })
    const { id: fresh } = await runs.create({ experimentId: experiment.id, name: 'try 3' })
    const all = { experiments: [experiment.id], filter: undefined, order: [], view: 'all' } as const
    assert.deepEqual(
      {
        experiment,
        run: document.run,
        params: JSON.parse(document.params),
        metrics: JSON.parse(document.metrics),
        tags: JSON.parse(document.tags),
        points: (await history.points(trk, 'loss', { limit: 9 })).items.map(({ value }) => value),
        upstream: (await ledger.ancestors(trk)).root,
        others: [(await runs.get('trk_2')).status, (await runs.get('trk_3')).project],
        found: (await runs.search(all, { limit: 9 })).items.map(({ run }) => run.id).toSorted(),
      },
      {
        experiment: {
          id: '1',
          project: 'rain',
          name: 'rain/fit/train',
          artifactLocation: 'mlflow-artifacts:/1',
          lifecycle: 'active',
          tags: {},
          createdAt: 5,
          updatedAt: 5,
        },
        run: {
          id: trk,
          project: 'rain',
          experimentId: '1',
          name: 'try 1',
          user: 'trainyard',
          status: 'FINISHED',
          lifecycle: 'active',
          artifactUri: `mlflow-artifacts:/1/${trk}/artifacts`,
          run: 'run_1',
          task: 'tsk_1',
          startedAt: 5,
          endedAt: 9,
        },
        params: [{ key: 'depth', value: '3' }],
        metrics: [{ key: 'loss', value: 0.25, timestamp: 7, step: 2 }],
        tags: [{ key: 'mlflow.runName', value: 'try 1' }],
        points: [0.5, 0.25, 0.1],
        upstream: trk,
        others: ['RUNNING', 'sun'],
        found: [fresh, trk, 'trk_2'].toSorted(),
      },
    )
  })
