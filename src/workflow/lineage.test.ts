import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskCall } from './task.ts'
import { command, inProcess, openBed, task } from './testing.ts'

test('users’ code is tracked with its parameters and metrics, and lineage leads from what was made to why', async t => {
  const environment = {
    kind: 'node',
    lock: 'package-lock.json',
    lockDigest: 'b'.repeat(64) as never,
    digest: 'c'.repeat(64) as never,
    runtime: 'node v26',
  } as const
  const executor = inProcess(async ({ log, record }) => {
    log('epoch 1')
    record({ environments: [environment] })
    return {
      outputs: { model: { digest: 'a'.repeat(64) as never, size: 3 } },
      metrics: [
        { name: 'loss', value: 2, step: 1 },
        { name: 'loss', value: 1, step: 2 },
      ],
      facts: { host: 'here' },
    }
  })
  const bed = await openBed(t, {
    executor,
    handlers: {
      ingest: async () => ({ outputs: { dataset: { ref: 'dsv_1' } } }),
      pass: async ({ inputs }: TaskCall) => ({ outputs: { dataset: inputs['dataset']! } }),
      register: async () => ({ outputs: { version: { ref: 'mdv_1' } } }),
    },
  })

  const run = await bed.run({
    ingest: task('ingest'),
    pass: task('pass', { inputs: { dataset: 'ingest.dataset' } }),
    train: command('train', { inputs: { rows: 'pass.dataset' }, outputs: ['model'], params: { c: 0.3 } }),
    register: task('register', { inputs: { model: 'train.model' } }),
  })

  const { id: experiment } = await bed.tracking.experiments.byName('rain/test/train')
  const everything = { experiments: [experiment], filter: undefined, order: [], view: 'all' } as const
  const {
    items: [tracked],
  } = await bed.tracking.runs.search(everything, { limit: 9 })
  const history = (await bed.tracking.history.points(tracked!.run.id, 'loss', { limit: 9 })).items
  assert.deepEqual(
    [
      run.state,
      tracked?.run.status,
      JSON.parse(tracked!.params),
      JSON.parse(tracked!.metrics).map(({ key, value }: { key: string; value: number }) => [key, value]),
      history.map(({ step, value }) => [step, value]),
    ],
    [
      'succeeded',
      'FINISHED',
      [{ key: 'c', value: '0.3' }],
      [['loss', 1]],
      [
        [1, 2],
        [2, 1],
      ],
    ],
  )
  const { tags, datasets } = await bed.tracking.runs.document(tracked!.run.id)
  const texts = (JSON.parse(tags) as { key: string; value: string }[]).map(({ key, value }) => [key, value])
  assert.deepEqual(Object.fromEntries(texts.filter(([key]) => key !== 'mlflow.runName')), {
    'mlflow.source.type': 'JOB',
    'mlflow.source.name': 'train',
    'trainyard.environment.node': `node v26, package-lock.json, ${'c'.repeat(64)}`,
  })
  assert.deepEqual(JSON.parse(datasets), [
    {
      tags: [],
      dataset: {
        name: 'rows',
        digest: 'dsv_1',
        source_type: 'trainyard',
        source: '{"ref":"dsv_1"}',
      },
    },
  ])
  const names = new Map((await bed.workflow.tasks(run.id)).map(({ id, name }) => [id as string, name]))
  const nameOf = (id: string): string => names.get(id) ?? (id === run.id ? 'run' : id.startsWith('art_') ? 'model' : id)
  await bed.db.transaction().execute(async tx => {
    for (const [id, kind] of [
      ['mdv_1', 'model_version'],
      ['dsv_1', 'dataset_version'],
    ] as const)
      await bed.ledger.record(tx, { id, kind, label: id, project: 'rain' })
  })
  const { edges } = await bed.ledger.ancestors('mdv_1')
  assert.deepEqual(edges.map(({ from, to, relation }) => `${nameOf(from)} ${relation} ${nameOf(to)}`).toSorted(), [
    'dsv_1 made_by ingest',
    'ingest part_of run',
    'mdv_1 made_by register',
    'model made_by train',
    'register part_of run',
    'register read model',
    'train part_of run',
    'train read dsv_1',
  ])
})

test('a metric that is no number fails the task instead of poisoning the record', async t => {
  const bed = await openBed(t, { handlers: { x: async () => ({ metrics: { loss: Number.NaN } }) } })

  const run = await bed.run({ a: task('x') })

  assert.equal(run.error, 'Task a: A metric is not a number.\n  metrics.loss = "NaN": a finite number')
})
