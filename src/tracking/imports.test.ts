import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createLedger, metadataMigrations, sqlLedgerStore } from '#metadata'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import { createImportSummaries } from './import-summary.ts'
import { createModelImports } from './import-models.ts'
import { tallyPoints } from './import-tally.sql.ts'
import { datasetFacts, keyTextFacts, linkFacts, modelPointFacts, pointFacts } from './import-tally.ts'
import { createImports } from './imports.ts'
import { sqlLoggedModelStore } from './logged-model-store.sql.ts'
import { loggedModelMigrations } from './logged-model-tables.ts'
import { createRunLog } from './run-log.ts'
import { sqlTrackingStores } from './store.sql.ts'
import { trackingMigrations } from './tables.ts'
import { tallyOf } from './tally.ts'

async function open(t: TestContext, engine: TestEngine) {
  const db = await engine.open(t, [...metadataMigrations, ...trackingMigrations, ...loggedModelMigrations])
  const clock = manualClock(9_000)
  const stores = sqlTrackingStores(db)
  const ledger = createLedger({ clock, store: sqlLedgerStore(db) })
  const loggedModels = sqlLoggedModelStore(db)
  return {
    ledger,
    imports: createImports({ db, stores, clock, ledger, log: createRunLog({ db, store: stores.log }) }),
    models: createModelImports({ db, ...stores, store: loggedModels, ledger }),
    summaries: createImportSummaries({
      documents: stores.documents,
      loggedModels,
      tallyPoints: run => tallyPoints(db, run),
    }),
  }
}

const at = (ms: number): Millis => ms as Millis
const id = 'f'.repeat(32)
const experiment = { name: 'old/one', createdAt: at(1), updatedAt: at(2), tags: [{ key: 'k', value: 'v' }] }
const params = [{ key: 'lr', value: '0.1' }]
const tags = [{ key: 'mlflow.runName', value: 'first' }]
const dataset = {
  name: 'd',
  digest: '1',
  sourceType: 'http',
  source: '{}',
  schema: '{"a":1}',
  tags: [{ key: 'mlflow.data.context', value: 'training' }],
}
const links = [
  { direction: 'input', model: 'm-1', step: 0 },
  { direction: 'output', model: 'm-2', step: 3 },
] as const
const runDraft = (experimentId: string) => ({
  experimentId,
  name: 'first',
  user: 'ann',
  startedAt: at(5),
  params,
  tags,
  datasets: [dataset],
  links,
})
const point = (step: number, value: number) => ({ key: 'loss', step, timestamp: 7, value })
const points = [point(0, 0.5), point(-1, Number.NaN), point(2, Infinity), point(2 ** 40, 5e-324)]

for (const engine of testEngines()) {
  test(`${engine.name}: an imported run keeps its id, times and words, and its tallies are those of its source`, async t => {
    const { imports, summaries, ledger } = await open(t, engine)
    const made = await imports.experiment('rain', experiment)
    await imports.run('rain', id, runDraft(made.id))
    await imports.points('rain', id, points)
    await imports.endRun('rain', id, { status: 'KILLED', lifecycle: 'deleted', endedAt: at(8) })

    assert.deepEqual(await summaries.runs('rain', [id, 'unknown']), [
      {
        id,
        project: 'rain',
        experimentId: made.id,
        name: 'first',
        user: 'ann',
        status: 'KILLED',
        lifecycle: 'deleted',
        artifactUri: `mlflow-artifacts:/${made.id}/${id}/artifacts`,
        startedAt: 5,
        endedAt: 8,
        params: tallyOf(params.map(keyTextFacts)),
        tags: tallyOf(tags.map(keyTextFacts)),
        points: tallyOf(points.map(pointFacts)),
        datasets: tallyOf([datasetFacts(dataset)]),
        links: tallyOf(links.map(linkFacts)),
      },
    ])
    assert.equal((await ledger.node(id))?.kind, 'tracking_run')
    assert.deepEqual(await summaries.runs('other', [id]), [])
  })

  test(`${engine.name}: everything may be said again, and what is missing is added`, async t => {
    const { imports, summaries } = await open(t, engine)
    const made = await imports.experiment('rain', experiment)
    for (let round = 0; round < 2; round++) {
      assert.equal((await imports.experiment('rain', experiment)).id, made.id)
      await imports.run('rain', id, runDraft(made.id))
      await imports.points('rain', id, points.slice(0, 2))
      await imports.endRun('rain', id, { status: 'FINISHED', lifecycle: 'deleted', endedAt: at(8) })
    }
    await imports.run('rain', id, { ...runDraft(made.id), params: [...params, { key: 'new', value: '1' }] })
    await imports.points('rain', id, points)
    await imports.endRun('rain', id, { status: 'FINISHED', lifecycle: 'active', endedAt: at(8) })
    const [summary] = await summaries.runs('rain', [id])
    assert.deepEqual(
      [summary!.params.count, summary!.points, summary!.lifecycle],
      [2, tallyOf(points.map(pointFacts)), 'active'],
    )
  })

  test(`${engine.name}: an experiment ends as it was, with the time of its last change`, async t => {
    const { imports } = await open(t, engine)
    const { id: number } = await imports.experiment('rain', experiment)
    const ended = await imports.endExperiment('rain', number, { lifecycle: 'deleted', updatedAt: at(4) })
    assert.deepEqual([ended.lifecycle, ended.createdAt, ended.updatedAt, ended.tags], ['deleted', 1, 4, { k: 'v' }])
    const { lifecycle } = await imports.endExperiment('rain', number, { lifecycle: 'active', updatedAt: at(4) })
    assert.equal(lifecycle, 'active')
  })

  test(`${engine.name}: what is another project's is not touched, and not told`, async t => {
    const { imports, models } = await open(t, engine)
    const { id: number } = await imports.experiment('rain', experiment)
    await imports.run('rain', id, runDraft(number))
    await assert.rejects(imports.run('snow', id, runDraft(number)), { code: 'not_found' })
    await assert.rejects(imports.points('snow', id, points), { code: 'not_found' })
    await assert.rejects(imports.endRun('snow', id, { status: 'FINISHED', lifecycle: 'active' }), { code: 'not_found' })
    await assert.rejects(imports.endExperiment('snow', number, { lifecycle: 'deleted', updatedAt: at(1) }), {
      code: 'not_found',
    })
    const elsewhere = await imports.experiment('snow', experiment)
    assert.notEqual(elsewhere.id, number)
    await assert.rejects(imports.run('snow', id, runDraft(elsewhere.id)), { code: 'conflict' })
    await assert.rejects(models.loggedModel('snow', 'm-1', model(number)), { code: 'not_found' })
  })

  test(`${engine.name}: a logged model is taken in with its points and times, and said again`, async t => {
    const { imports, models, summaries, ledger } = await open(t, engine)
    const { id: number } = await imports.experiment('rain', experiment)
    await imports.run('rain', id, runDraft(number))
    const pending = { ...model(number), status: 'LOGGED_MODEL_PENDING', updatedAt: 10 } as const
    for (const draft of [pending, model(number)]) await models.loggedModel('rain', 'm-1', draft)
    assert.deepEqual(await summaries.loggedModel('rain', 'm-1'), {
      id: 'm-1',
      experimentId: number,
      project: 'rain',
      name: 'net',
      sourceRunId: id,
      status: 'LOGGED_MODEL_READY',
      lifecycle: 'active',
      artifactUri: `mlflow-artifacts:/${number}/models/m-1/artifacts`,
      createdAt: 11,
      updatedAt: 12,
      params: tallyOf(params.map(keyTextFacts)),
      tags: tallyOf([]),
      points: tallyOf(model(number).points.map(modelPointFacts)),
    })
    const { nodes } = await ledger.ancestors('m-1')
    assert.deepEqual(
      nodes.map(({ kind, label }) => [kind, label]),
      [
        ['logged_model', 'net'],
        ['tracking_run', runDraft(number).name],
        ['dataset', 'd 1'],
      ],
    )
    await assert.rejects(summaries.loggedModel('snow', 'm-1'), { code: 'not_found' })
  })
}

const model = (experimentId: string) =>
  ({
    experimentId,
    name: 'net',
    sourceRun: id,
    status: 'LOGGED_MODEL_READY',
    createdAt: 11,
    updatedAt: 12,
    params,
    tags: [],
    points: [
      { ...point(1, Number.NaN), run: id },
      { ...point(1, 0.5), run: id, datasetName: 'd', datasetDigest: '1' },
    ],
  }) as const

test('a tally depends on what there is and how often, and not on the order', () => {
  const things = [
    ['a', 1],
    ['b', 2],
    ['a', 1],
  ]
  assert.deepEqual(tallyOf(things), tallyOf(things.toReversed()))
  assert.notDeepEqual(tallyOf(things), tallyOf(things.slice(1)))
  assert.notDeepEqual(tallyOf([['a', 'b']]), tallyOf([['ab']]))
  assert.deepEqual(tallyOf([]), { count: 0, digest: '0'.repeat(64) })
})
