import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createApp, type App } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { datasetId, jobId, jobRunId } from './openlineage.ts'
import { createOpenLineageIntake, type Caller } from './openlineage-intake.ts'
import { openLineageRoutes } from './openlineage-routes.ts'
import { sqlOpenLineageStore } from './openlineage-store.sql.ts'
import { sqlLedgerStore } from './store.sql.ts'
import { metadataMigrations } from './tables.ts'

const uuid = '0193b2c4-0000-7000-8000-000000000001'
const ownRun = jobRunId('rain', uuid)
const sparkUuid = '5e1f0000-0000-4000-8000-00000000000a'
const spark = jobRunId('rain', sparkUuid)
const caller: Caller = { projectOf: async () => 'rain', mayRead: async project => project === 'rain' }

async function open(t: TestContext, engine: TestEngine = testEngines()[0]!) {
  const db = await engine.open(t, metadataMigrations)
  const ledger = createLedger({ store: sqlLedgerStore(db), clock: manualClock(7) })
  const intake = createOpenLineageIntake({ db, store: sqlOpenLineageStore(db), ledger })
  return { db, ledger, intake }
}

const event = (eventType: string, more: object = {}): object => ({
  eventType,
  eventTime: '2026-11-20T10:00:00.000Z',
  producer: 'https://github.com/apache/airflow',
  schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
  run: { runId: uuid, facets: { unknown: { _producer: 'x', any: [1] } } },
  job: { namespace: 'airflow', name: 'daily.load' },
  inputs: [{ namespace: 's3://bucket', name: 'raw/weather.csv' }],
  outputs: [{ namespace: 'postgres://db:5432', name: 'public.weather' }],
  ...more,
})

const edgesOf = async (ledger: Ledger, id: string): Promise<readonly string[]> =>
  (await ledger.around(id)).edges.map(({ from, to, relation }) => `${from} ${relation} ${to}`).toSorted()

for (const engine of testEngines()) {
  test(`${engine.name}: a run of elsewhere is a node with its job and its datasets, once however often it is sent`, async t => {
    const { ledger, intake } = await open(t, engine)
    const [job, raw, table] = [
      jobId('rain', 'airflow', 'daily.load'),
      datasetId('rain', 's3://bucket', 'raw/weather.csv'),
      datasetId('rain', 'postgres://db:5432', 'public.weather'),
    ]

    const taken = [
      await intake.take(event('COMPLETE'), caller),
      await intake.take(event('COMPLETE'), caller),
      await intake.take(event('START', { eventTime: '2026-11-20T09:00:00Z' }), caller),
    ]

    const run = await ledger.node(ownRun)
    assert.deepEqual(
      [taken, run?.kind, run?.label, run?.project, run?.facts['state'], await edgesOf(ledger, ownRun)],
      [
        [true, false, true],
        'job_run',
        'daily.load',
        'rain',
        'succeeded',
        [`${ownRun} part_of ${job}`, `${ownRun} read ${raw}`, `${table} made_by ${ownRun}`].toSorted(),
      ],
    )
  })

  test(`${engine.name}: a dataset that names an id or a digest of ours is that node, unless the caller may not see it`, async t => {
    const { db, ledger, intake } = await open(t, engine)
    const digest = 'ab'.repeat(32)
    const hidden = 'cd'.repeat(32)
    await db.transaction().execute(async tx => {
      await ledger.record(tx, {
        id: 'dsv_1',
        kind: 'dataset_version',
        label: 'weather',
        project: 'rain',
        facts: { digest },
      })
      await ledger.record(tx, {
        id: 'dsv_2',
        kind: 'dataset_version',
        label: 'x',
        project: 'other',
        facts: { digest: hidden },
      })
      await ledger.record(tx, { id: `tsk_${uuid}`, kind: 'task', label: 'train', project: 'rain' })
    })
    const version = (datasetVersion: string): object => ({ version: { _producer: 'x', datasetVersion } })

    await intake.take(
      event('COMPLETE', {
        run: { runId: sparkUuid, facets: { parent: { run: { runId: uuid }, job: { namespace: 'rain', name: 'x' } } } },
        inputs: [
          { namespace: 'a', name: 'ours', facets: version(digest) },
          { namespace: 'a', name: 'theirs', facets: version(hidden) },
        ],
        outputs: [{ namespace: 'a', name: 'named', facets: { trainyard: { id: 'dsv_1' } } }],
      }),
      caller,
    )

    const theirs = datasetId('rain', 'a', 'theirs', hidden)
    assert.deepEqual(
      await edgesOf(ledger, spark),
      [
        `dsv_1 made_by ${spark}`,
        `${spark} read dsv_1`,
        `${spark} part_of ${jobId('rain', 'airflow', 'daily.load')}`,
        `${spark} started_by tsk_${uuid}`,
        `${spark} read ${theirs}`,
        `${theirs} version_of ${datasetId('rain', 'a', 'theirs')}`,
      ].toSorted(),
    )
  })
}

test('events of jobs and datasets are taken too', async t => {
  const { ledger, intake } = await open(t)
  const at = { eventTime: '2026-11-20T10:00:00Z', producer: 'x', schemaURL: 'x' }
  const table = { namespace: 'db', name: 'weather' }

  await intake.take({ ...at, job: { namespace: 'dbt', name: 'model' }, inputs: [table] }, caller)
  await intake.take({ ...at, dataset: { ...table, facets: { schema: { fields: [{ name: 'a' }] } } } }, caller)

  assert.deepEqual(
    [
      await edgesOf(ledger, jobId('rain', 'dbt', 'model')),
      (await ledger.node(datasetId('rain', 'db', 'weather')))?.facts['facets'],
    ],
    [
      [`${jobId('rain', 'dbt', 'model')} read ${datasetId('rain', 'db', 'weather')}`],
      { schema: { fields: [{ name: 'a' }] } },
    ],
  )
})

async function openApp(t: TestContext): Promise<{ app: App; ledger: Ledger }> {
  const { ledger, intake } = await open(t)
  const app = await createApp({ version: '0' })
  app.decorateRequest('workspace', 'default')
  app.decorateRequest('permit', async (_, asked) => {
    const resource = await asked
    if (resource.project === 'closed') throw new TrainyardError('forbidden', 'No.')
    return resource
  })
  app.decorateRequest('mayRead', async () => true)
  openLineageRoutes(app, { intake, isProject: async name => ['rain', 'closed'].includes(name) })
  t.after(() => app.close())
  return { app, ledger }
}

test('a batch says of each event that was refused why, and keeps the others; the namespace chooses the project', async t => {
  const { app, ledger } = await openApp(t)
  const job = (namespace: string): object => ({ job: { namespace, name: 'load' } })

  const answers = [
    await app.inject({ method: 'POST', url: '/api/v1/lineage', payload: event('START', job('rain')) }),
    await app.inject({
      method: 'POST',
      url: '/api/v1/lineage',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      payload: gzipSync(JSON.stringify(event('START', job('airflow')))),
    }),
    await app.inject({
      method: 'POST',
      url: '/api/v1/lineage/batch',
      payload: [event('FAIL', job('closed')), { eventTime: 'never', job: {} }, event('FAIL', job('trainyard/rain')), 7],
    }),
    await app.inject({ method: 'POST', url: '/api/v1/lineage', payload: {} }),
    await app.inject({
      method: 'POST',
      url: '/api/v1/lineage',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      payload: Buffer.from('no gzip'),
    }),
  ]

  const batch = answers[2]!.json() as { failed_events: { reason: string }[] }
  const jobs = [jobId('rain', 'rain', 'load'), jobId('default', 'airflow', 'load'), jobId('closed', 'closed', 'load')]
  const projects = await Promise.all(jobs.map(async id => (await ledger.node(id))?.project))
  assert.deepEqual(
    [
      answers.map(answer => answer.statusCode),
      {
        ...batch,
        failed_events: batch.failed_events.map(({ reason, ...rest }) => ({ ...rest, said: reason.length > 2 })),
      },
      projects,
    ],
    [
      [201, 201, 200, 422, 422],
      {
        status: 'partial_success',
        summary: { received: 4, successful: 1, failed: 3, retriable: 0, non_retriable: 3 },
        failed_events: [0, 1, 3].map(index => ({ index, retriable: false, said: true })),
      },
      ['rain', 'default', undefined],
    ],
  )
})

test('an event whose type or run id is none of the specification is refused, not taken for one of its job', async t => {
  const { intake } = await open(t)
  const refusal = async (one: object): Promise<unknown> =>
    intake.take(one, caller).then(
      () => 'taken',
      ({ detail }: TrainyardError) => detail['problems'],
    )
  assert.deepEqual(
    await Promise.all([refusal(event('BOGUS')), refusal(event('START', { run: { runId: 'not-uuid' } }))]),
    [
      [{ field: 'eventType', allowed: 'one of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER' }],
      [{ field: 'run.runId', allowed: 'a UUID' }],
    ],
  )
})
