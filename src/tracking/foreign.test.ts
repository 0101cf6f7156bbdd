import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import { createLedger, metadataMigrations, sqlLedgerStore } from '#metadata'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import { loggedModelMigrations } from './logged-model-tables.ts'
import { sqlTrackingStores } from './store.sql.ts'
import { trackingMigrations } from './tables.ts'
import { createTracking } from './tracking.ts'

/** Projects may be declared while the test runs. */
async function open(t: TestContext, engine: TestEngine) {
  const db = await engine.open(t, [...metadataMigrations, ...trackingMigrations, ...loggedModelMigrations])
  const clock = manualClock(1_000)
  const ledger = createLedger({ clock, store: sqlLedgerStore(db) })
  const declared = new Set(['snow'])
  const isProject = async (name: string) => declared.has(name)
  return { db, declared, ledger, ...createTracking({ db, stores: sqlTrackingStores(db), ledger, clock, isProject }) }
}

const messages = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: Error) => error.message,
  )

for (const engine of testEngines()) {
  test(`${engine.name}: an experiment is not renamed into another project`, async t => {
    const { experiments } = await open(t, engine)
    const mine = await experiments.create({ name: 'mine' })
    const theirs = await experiments.create({ name: 'snow/one' })

    const into = await messages(experiments.rename(mine.id, 'snow/two'))
    await experiments.rename(mine.id, 'rain/two')
    await experiments.rename(theirs.id, 'no longer theirs by its name')

    const found = await Promise.all([mine, theirs].map(({ id }) => experiments.get(id)))
    assert.equal(into, `Experiment ${mine.id} is of the project default: it cannot be called snow/two.`)
    assert.deepEqual(
      found.map(({ project, name }) => [project, name]),
      [
        ['default', 'rain/two'],
        ['snow', 'no longer theirs by its name'],
      ],
    )
  })

  test(`${engine.name}: the runs of tasks are not kept in an experiment that another project made under their name`, async t => {
    const { db, declared, experiments } = await open(t, engine)
    const early = await experiments.create({ name: 'rain/training/train' })
    declared.add('rain')
    const ensure = () =>
      db.transaction().execute(tx => experiments.ensure(tx, { project: 'rain', name: 'rain/training/train' }))

    const [first, second] = [await ensure(), await ensure()]

    assert.deepEqual([early.project, first.project, first.name], ['default', 'rain', 'rain/training/train'])
    assert.deepEqual([second.id, (await experiments.byName(early.name)).id], [first.id, first.id])
  })

  test(`${engine.name}: a run says nothing in the ledger of things of another project`, async t => {
    const { db, ledger, experiments, runs, inputs, loggedModels } = await open(t, engine)
    const theirs = await experiments.create({ name: 'snow/one' })
    const draft = { params: [], tags: [] }
    const [own, other] = await Promise.all(
      ['0', theirs.id].map(experimentId => loggedModels.create({ ...draft, experimentId })),
    )
    const version = { id: 'mdv_1', kind: 'model_version', label: 'snow 1', project: 'snow' } as const
    await db.transaction().execute(tx => ledger.record(tx, version))
    const run = await runs.create({ experimentId: '0' })
    const models = [own!.id, other!.id, version.id]

    await inputs.addInputs(run.id, { models })
    await inputs.addOutputs(
      run.id,
      models.map(model => ({ model, step: 0 })),
    )

    const { edges } = await ledger.around(run.id)
    const document = await runs.document(run.id)
    assert.deepEqual(
      edges.map(({ from, to, relation }) => `${from} ${relation} ${to}`).toSorted(),
      [`${own!.id} made_by ${run.id}`, `${run.id} read ${own!.id}`].toSorted(),
    )
    assert.deepEqual(
      JSON.parse(document.modelInputs),
      models.map(model_id => ({ model_id })),
    )
  })

  test(`${engine.name}: a dataset that names data of the run's project by its id is in the lineage of the run`, async t => {
    const { db, ledger, experiments, runs, inputs } = await open(t, engine)
    const [ours, theirs] = [newId('dsv'), newId('dsv')]
    const node = { kind: 'dataset_version', label: 'snow 7' } as const
    await db.transaction().execute(async tx => {
      await ledger.record(tx, { ...node, id: ours, project: 'snow' })
      await ledger.record(tx, { ...node, id: theirs, project: 'rain' })
    })
    const run = await runs.create({ experimentId: (await experiments.create({ name: 'snow/one' })).id })
    const source = JSON.stringify({ uri: `file:///data/${ours}.parquet`, other: theirs })
    const dataset = { name: 'snow', digest: '1a2b', sourceType: 'local', source }

    await inputs.addInputs(run.id, { datasets: [{ dataset, tags: [] }] })

    const { edges } = await ledger.ancestors(run.id)
    assert.deepEqual(edges, [{ from: run.id, to: ours, relation: 'read' }])
  })

  test(`${engine.name}: of no experiments there are no datasets`, async t => {
    const { inputs } = await open(t, engine)

    assert.deepEqual(await inputs.summaries([]), [])
  })

  test(`${engine.name}: the history of logged models is a list whatever was there, and is kept within a tag`, async t => {
    const { runs, log } = await open(t, engine)
    const run = await runs.create({ experimentId: '0' })
    const history = async (): Promise<readonly { path: string }[]> => {
      const { tags } = await runs.document(run.id)
      const { value } = JSON.parse(tags).find(({ key }: { key: string }) => key === 'mlflow.log-model.history')
      return JSON.parse(value)
    }
    await log.add({ run: run.id, tags: [{ key: 'mlflow.log-model.history', value: '{"no": "list"' }] })

    await runs.addModelHistory(run.id, { path: 'first' })
    const afterGarbage = await history()
    for (const path of ['a', 'b', 'c']) await runs.addModelHistory(run.id, { path, signature: 'x'.repeat(3_000) })

    assert.deepEqual(afterGarbage, [{ path: 'first' }])
    assert.deepEqual(
      (await history()).map(({ path }) => path),
      ['b', 'c'],
    )
  })
}
