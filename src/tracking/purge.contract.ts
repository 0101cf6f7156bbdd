import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { engineOf } from '#storage'
import type { TestEngine } from '#storage/testing.ts'
import { sqlPurgeStore } from './purge-store.sql.ts'
import { createPurge } from './purge.ts'
import { openTracking, type TestTracking } from './testing.ts'

/** What the end of the trash promises on every engine. */
export function purgeContract(engine: TestEngine): void {
  const { name } = engine

  test(`${name}: what lay in the trash long enough is gone with its files, its name free, its lineage a tombstone`, async t => {
    const tracking = await openTracking(t, engine)
    const { experiments, runs, clock, loggedModels, ledger } = tracking
    const { trash, files } = trashOf(tracking)
    const { id: experiment } = await experiments.create({ name: 'rain/fit' })
    const run = await tracking.run(experiment, { metrics: { loss: 1 }, params: { p: '1' }, tags: { t: '1' } })
    const points = Array.from({ length: 300 }, (_, step) => ({ key: 'loss', value: step, step, timestamp: step }))
    await tracking.log.add({ run, points })
    const dataset = { name: 'rows', digest: 'd1', sourceType: 'local', source: '{}' }
    await tracking.inputs.addInputs(run, { datasets: [{ dataset, tags: [] }] })
    const model = await loggedModels.create({ experimentId: experiment, sourceRunId: run, params: [], tags: [] })
    await experiments.remove(experiment)
    const kept = await tracking.run('0', { metrics: { loss: 1 } })
    clock.advance(1_000)

    const early = await trash.purge({ ageMs: 2_000 })
    const elsewhere = await trash.purge({ ageMs: 500, project: 'sun' })
    const purged = await trash.purge({ ageMs: 500, project: 'rain' })

    const { id: again } = await experiments.create({ name: 'rain/fit' })
    const nothing = { experiments: 0, runs: 0, models: 0 }
    assert.deepEqual([early, elsewhere, purged], [nothing, nothing, { experiments: 1, runs: 1, models: 1 }])
    assert.deepEqual(files, [
      `${experiment}/models/${model.id}/artifacts`,
      `${experiment}/${run}/artifacts`,
      `traces of ${experiment}`,
      experiment,
    ])
    await assert.rejects(runs.get(run), { code: 'not_found' })
    const { nodes, edges } = await ledger.ancestors(model.id)
    assert.deepEqual(
      [nodes.map(({ kind, facts }) => [kind, facts['purged']]), edges.length, again !== experiment],
      [
        [
          ['logged_model', 2_000],
          ['tracking_run', 2_000],
          ['dataset', undefined],
        ],
        2,
        true,
      ],
    )
    assert.deepEqual(await rowsOf(tracking), {
      point: 1,
      latest: 1,
      param: 0,
      tag: 1,
      input: 0,
      dataset: 0,
      purged: 0,
    })
    assert.equal((await runs.get(kept)).id, kept)
  })

  test(`${name}: a deleted model ends with its files though its run stays`, async t => {
    const tracking = await openTracking(t, engine)
    const { clock, loggedModels, ledger } = tracking
    const { trash, files } = trashOf(tracking)
    const { id: experiment } = await tracking.experiments.create({ name: 'rain/fit' })
    const sourceRunId = await tracking.run(experiment)
    const logged = { experimentId: experiment, sourceRunId, params: [{ key: 'p', value: '1' }], tags: [] }
    const [gone, kept] = [await loggedModels.create(logged), await loggedModels.create(logged)]
    await loggedModels.remove(gone.id)
    clock.advance(1_000)

    const early = await trash.purge({ ageMs: 2_000 })
    const elsewhere = await trash.purge({ ageMs: 500, project: 'sun' })
    const purged = await trash.purge({ ageMs: 500, project: 'rain' })

    const nothing = { experiments: 0, runs: 0, models: 0 }
    assert.deepEqual([early, elsewhere, purged], [nothing, nothing, { ...nothing, models: 1 }])
    assert.deepEqual(files, [`${experiment}/models/${gone.id}/artifacts`])
    await assert.rejects(loggedModels.get(gone.id, { deleted: true }), { code: 'not_found' })
    assert.equal((await loggedModels.get(kept.id)).id, kept.id)
    const { nodes } = await ledger.ancestors(gone.id)
    assert.deepEqual(
      nodes.map(({ id, facts }) => [id, facts['purged']]),
      [
        [gone.id, clock.now()],
        [sourceRunId, undefined],
      ],
    )
  })

  test(`${name}: what was taken out of the trash stays, and the default experiment is never purged`, async t => {
    const tracking = await openTracking(t, engine)
    const { experiments, runs, clock } = tracking
    const [a, b] = [await tracking.run('0', { name: 'a' }), await tracking.run('0', { name: 'b' })]
    await runs.remove(a)
    await runs.remove(b)
    await runs.restore(a)
    clock.advance(10)
    const first = await trashOf(tracking).trash.purge({ ageMs: 1 })
    await experiments.remove('0')
    clock.advance(10)
    const second = await trashOf(tracking).trash.purge({ ageMs: 1 })

    assert.deepEqual(
      [first.runs, second, (await experiments.get('0')).lifecycle],
      [1, { experiments: 0, runs: 1, models: 0 }, 'deleted'],
    )
  })
}

function trashOf({ db, ledger, clock }: TestTracking) {
  const files: string[] = []
  const trash = createPurge({
    db,
    ledger,
    clock,
    store: sqlPurgeStore(db),
    artifacts: { purge: async (_, path) => void files.push(path) },
    endExperiment: async id => void files.push(`traces of ${id}`),
  })
  return { trash, files }
}

async function rowsOf({ db }: TestTracking): Promise<Record<string, number>> {
  const count = async (table: string): Promise<number> =>
    (await sql<{ n: number }>`select count(*) as n from ${sql.table(`tracking_${table}`)}`.execute(db)).rows[0]!.n
  const counts: Record<string, number> = {}
  for (const table of ['point', 'latest', 'param', 'tag', 'input', 'dataset', 'purged'])
    counts[table] = await count(table)
  if (engineOf(db) === 'postgres') counts['point']! += await count('chunk')
  return counts
}
