import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestEngine } from '#storage/testing.ts'
import type { MetricPoint } from './metric.ts'
import { historyOf, openTracking, trackingOf, type TestTracking } from './testing.ts'

/** What runs and their logs promise on every engine. */
export function trackingStoreContract(engine: TestEngine): void {
  const { name } = engine

  test(`${name}: two projects have an experiment of one name, each its own`, async t => {
    const { experiments } = await openTracking(t, engine)
    const [here, there] = [
      await experiments.create({ name: 'baseline' }),
      await experiments.create({ name: 'baseline', workspace: 'snow' }),
    ]
    const other = await experiments.create({ name: 'other', workspace: 'snow' })

    await assert.rejects(experiments.rename(other.id, 'baseline'), { code: 'already_exists' })
    await assert.rejects(experiments.byName('other'), { code: 'not_found' })
    assert.deepEqual(
      [(await experiments.byName('baseline')).id, (await experiments.byName('baseline', 'snow')).id],
      [here.id, there.id],
    )
  })

  test(`${name}: the name of an experiment is taken for good, also by one that is deleted`, async t => {
    const { experiments } = await openTracking(t, engine)
    const { id } = await experiments.create({ name: 'rain/fit' })
    await experiments.remove(id)

    await assert.rejects(experiments.create({ name: 'rain/fit' }), { code: 'already_exists' })
    await assert.rejects(experiments.remove(id), { code: 'not_found' })
    await assert.rejects(experiments.rename(id, 'other'), { code: 'conflict' })

    assert.deepEqual(
      [(await experiments.byName('rain/fit')).lifecycle, (await experiments.get(id)).project, id],
      ['deleted', 'rain', '1'],
    )
  })

  test(`${name}: an experiment goes to the trash and back with all its runs`, async t => {
    const { experiments, runs, run, found } = await openTracking(t, engine)
    const { id } = await experiments.create({ name: 'e' })
    const [first] = [await run(id, { name: 'a' }), await run(id, { name: 'b' })]
    await runs.remove(first)

    await experiments.remove(id)
    const inTrash = [await found([id]), await found([id], { view: 'deleted' })]
    await experiments.restore(id)

    assert.deepEqual(
      [inTrash, await found([id])],
      [
        [[], ['a', 'b']],
        ['a', 'b'],
      ],
    )
  })

  test(`${name}: a point that is sent twice is stored once, and two that differ in anything are two`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const point = { key: 'loss', value: 0.5, step: 1, timestamp: 7 }
    const points = [point, { ...point, value: Number.NaN }, { ...point, value: 0 }, { ...point, step: -3 }]

    await tracking.log.add({ run: id, points: [...points, point] })
    await tracking.log.add({ run: id, points: [...points, { ...point, timestamp: 8 }] })

    assert.deepEqual(await historyOf(tracking, id, 'loss'), [
      [7, -3, 0.5],
      [7, 1, 0],
      [7, 1, Number.NaN],
      [7, 1, 0.5],
      [8, 1, 0.5],
    ])
  })

  test(`${name}: the latest of a metric has the greatest step, then timestamp, then value, however points come`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0')
    const points: MetricPoint[] = [
      { key: 'a', step: 2, timestamp: 1, value: 5 },
      { key: 'a', step: 1, timestamp: 9, value: 9 },
      { key: 'a', step: 2, timestamp: 2, value: 4 },
      { key: 'a', step: 2, timestamp: 2, value: 3 },
      { key: 'b', step: 0, timestamp: 1, value: -1 },
      { key: 'b', step: 0, timestamp: 1, value: Number.NaN },
      { key: 'c', step: 0, timestamp: 1, value: Number.POSITIVE_INFINITY },
    ]

    for (const point of points.toReversed()) await tracking.log.add({ run: id, points: [point] })
    const other = await tracking.run('0')
    await tracking.log.add({ run: other, points })

    const latest = [
      { key: 'a', value: 4, timestamp: 2, step: 2 },
      { key: 'b', value: 'NaN', timestamp: 1, step: 0 },
      { key: 'c', value: Number.MAX_VALUE, timestamp: 1, step: 0 },
    ]
    assert.deepEqual([await metricsOf(tracking, id), await metricsOf(tracking, other)], [latest, latest])
  })

  test(`${name}: a param keeps its first value, and an entry that would change one stores nothing at all`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0', { params: { depth: '3' } })

    const results = await Promise.allSettled([
      tracking.log.add({ run: id, params: [{ key: 'depth', value: '3' }] }),
      tracking.log.add({
        run: id,
        params: [
          { key: 'other', value: '1' },
          { key: 'depth', value: '4' },
        ],
        points: [{ key: 'loss', value: 1, step: 0, timestamp: 0 }],
        tags: [{ key: 'note', value: 'x' }],
      }),
      tracking.log.add({ run: id, params: [{ key: 'rate', value: '0.1' }] }),
      tracking.log.add({ run: id, params: [{ key: 'rate', value: '0.2' }] }),
      tracking.log.add({ run: 'f'.repeat(32), tags: [{ key: 'note', value: 'x' }] }),
    ])

    assert.deepEqual(
      [
        results.map(result => (result.status === 'rejected' ? result.reason.code : 'stored')),
        await paramsOf(tracking, id),
        await metricsOf(tracking, id),
      ],
      [
        ['stored', 'invalid', 'stored', 'invalid', 'not_found'],
        [
          ['depth', '3'],
          ['rate', '0.1'],
        ],
        [],
      ],
    )
  })

  test(`${name}: the last value of a tag counts, and the tag of its name renames a run`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0', { name: 'first', tags: { owner: 'ann' } })

    await tracking.log.add({
      run: id,
      tags: [
        { key: 'owner', value: 'bob' },
        { key: 'owner', value: 'cy' },
        { key: 'mlflow.runName', value: 'second "quoted" \\ \n' },
      ],
    })
    await tracking.runs.removeTag(id, 'owner')
    await assert.rejects(tracking.runs.removeTag(id, 'owner'), {
      code: 'not_found',
      message: /No tag with name: owner/,
    })

    const { run, tags } = await tracking.runs.document(id)
    assert.deepEqual(
      [run.name, JSON.parse(tags)],
      ['second "quoted" \\ \n', [{ key: 'mlflow.runName', value: 'second "quoted" \\ \n' }]],
    )
  })

  test(`${name}: a run in the trash is read and not written`, async t => {
    const tracking = await openTracking(t, engine)
    const id = await tracking.run('0', { metrics: { loss: 1 } })
    await tracking.runs.remove(id)

    const error = { code: 'invalid', message: /must be in the 'active' state/ }
    await assert.rejects(tracking.log.add({ run: id, tags: [{ key: 'a', value: 'b' }] }), error)
    await assert.rejects(tracking.runs.update(id, { status: 'FAILED' }), error)
    await assert.rejects(tracking.inputs.addInputs(id, { models: ['m-1'] }), error)

    assert.equal((await metricsOf(tracking, id)).length, 1)
  })

  test(`${name}: eight writers of two processes lose no point and double none`, async t => {
    const one = await openTracking(t, engine)
    const processes = [one, trackingOf(one.db)]
    const shared = await one.run('0')
    const own = await Promise.all(Array.from({ length: 8 }, () => one.run('0')))

    const writers = own.map(async (id, writer) => {
      const { log } = processes[writer % 2]!
      for (let step = 0; step < 15; step++) {
        const points = Array.from({ length: 20 }, (_, key) => ({
          key: `k${(key * 7 + writer) % 20}`,
          value: writer,
          step,
          timestamp: step,
        }))
        const same = points.map(point => ({ ...point, value: 1 }))
        await Promise.all([
          log.add({ run: id, points }),
          log.add({ run: shared, points, params: [{ key: `p${step}`, value: 'v' }], tags: [{ key: 't', value: 'v' }] }),
          log.add({ run: shared, points: same }),
        ])
      }
    })
    await Promise.all(writers)

    const counts = []
    for (const id of [...own, shared]) counts.push((await historyOf(one, id, 'k3')).length)
    assert.deepEqual(counts, [15, 15, 15, 15, 15, 15, 15, 15, 8 * 15])
    assert.deepEqual(
      (await metricsOf(one, shared)).map(({ step, value }) => [step, value]),
      Array.from({ length: 20 }, () => [14, 7]),
    )
    assert.equal((await paramsOf(one, shared)).length, 15)
  })

  test(`${name}: datasets and models that a run read come back in their order, each once`, async t => {
    const tracking = await openTracking(t, engine)
    const { id: experiment } = await tracking.experiments.create({ name: 'e' })
    const [a, b] = [await tracking.run(experiment), await tracking.run(experiment)]
    const dataset = { name: 'rows', digest: 'd1', sourceType: 'local', source: '{"uri":"x"}', schema: '{}' }
    const context = [{ key: 'mlflow.data.context', value: 'training' }]
    const other = { ...dataset, name: 'a "b"', schema: undefined }

    await tracking.inputs.addInputs(a, { datasets: [{ dataset, tags: context }], models: ['m-2', 'm-1', 'm-2'] })
    await tracking.inputs.addInputs(a, {
      datasets: [
        { dataset: other, tags: [] },
        { dataset, tags: [{ key: 'mlflow.data.context', value: 'late' }] },
      ],
    })
    await tracking.inputs.addInputs(b, { datasets: [{ dataset, tags: [] }] })
    await tracking.inputs.addOutputs(a, [{ model: 'm-3', step: 2n ** 53n + 1n }])

    const { datasets, modelInputs, modelOutputs } = await tracking.runs.document(a)
    assert.deepEqual(JSON.parse(datasets), [
      {
        tags: context,
        dataset: { name: 'rows', digest: 'd1', source_type: 'local', source: '{"uri":"x"}', schema: '{}' },
      },
      { tags: [], dataset: { name: 'a "b"', digest: 'd1', source_type: 'local', source: '{"uri":"x"}' } },
    ])
    assert.deepEqual(
      [JSON.parse(modelInputs), modelOutputs],
      [[{ model_id: 'm-2' }, { model_id: 'm-1' }], `[{"model_id":"m-3","step":${2n ** 53n + 1n}}]`],
    )
    assert.deepEqual(await tracking.inputs.summaries([experiment]), [
      { experimentId: experiment, name: 'a "b"', digest: 'd1' },
      { experimentId: experiment, name: 'rows', digest: 'd1' },
      { experimentId: experiment, name: 'rows', digest: 'd1', context: 'training' },
    ])
  })

  test(`${name}: datasets that clients name are in the lineage, one for all runs of a project that read it`, async t => {
    const tracking = await openTracking(t, engine)
    const { id: experiment } = await tracking.experiments.create({ name: 'e' })
    const [a, b] = [await tracking.run(experiment), await tracking.run(experiment)]
    const rows = { name: 'rows', digest: 'd1', sourceType: 's3', source: '{"uri":"s3://b/rows"}' }

    await tracking.inputs.addInputs(a, { datasets: [{ dataset: rows, tags: [] }] })
    await tracking.inputs.addInputs(b, {
      datasets: [
        { dataset: rows, tags: [] },
        { dataset: { ...rows, digest: 'd2' }, tags: [] },
      ],
    })

    const { nodes, edges } = await tracking.ledger.ancestors(b)
    const read = nodes.filter(({ kind }) => kind === 'dataset')
    assert.deepEqual(
      read
        .map(({ label, project, facts }) => ({ label, project, facts }))
        .toSorted((x, y) => (x.label < y.label ? -1 : 1)),
      ['d1', 'd2'].map(digest => ({ label: `rows ${digest}`, project: 'default', facts: { ...rows, digest } })),
    )
    assert.deepEqual(
      edges.map(({ from, relation }) => [from, relation]),
      [
        [b, 'read'],
        [b, 'read'],
      ],
    )
    const { nodes: readers } = await tracking.ledger.descendants(read.find(({ label }) => label === 'rows d1')!.id)
    assert.deepEqual(
      readers.flatMap(({ kind, id }) => (kind === 'tracking_run' ? [id] : [])).toSorted(),
      [a, b].toSorted(),
    )
  })
}

type LoggedMetric = { key: string; value: number | 'NaN'; timestamp: number; step: number }

const metricsOf = async ({ runs }: TestTracking, run: string): Promise<LoggedMetric[]> =>
  (JSON.parse((await runs.document(run)).metrics) as LoggedMetric[]).toSorted((a, b) => a.key.localeCompare(b.key))

const paramsOf = async ({ runs }: TestTracking, run: string): Promise<[string, string][]> =>
  (JSON.parse((await runs.document(run)).params) as { key: string; value: string }[])
    .map(({ key, value }): [string, string] => [key, value])
    .toSorted(([a], [b]) => a.localeCompare(b))
