import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { guard, type Access } from '#access'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import type { Edge, Node } from '#metadata'
import { testEngines } from '#storage/testing.ts'
import { createLoggedModels, loggedModelMigrations, sqlLoggedModelStore } from '#tracking'
import { loggedModelCalls } from './logged-models.ts'
import { mlflowRoutes } from './routes.ts'

const base = '/api/2.0/mlflow/logged-models'

async function open(t: TestContext) {
  const db = await testEngines()[0]!.open(t, loggedModelMigrations)
  const written: (Pick<Node, 'kind' | 'label'> | Edge)[] = []
  const experiments = {
    async get(id: string) {
      if (!['1', '2'].includes(id)) throw notFound('experiment', id)
      const lifecycle = id === '1' ? ('active' as const) : ('deleted' as const)
      return { id, project: 'rain', artifactLocation: `mlflow-artifacts:/${id}`, lifecycle }
    },
  }
  const loggedModels = createLoggedModels({
    db,
    store: sqlLoggedModelStore(db),
    experiments,
    runs: { get: async id => ({ id: id as never, project: 'rain' }) },
    ledger: {
      record: async (_, { kind, label }) => void written.push({ kind, label }),
      link: async (_, edge) => void written.push(edge),
    },
    clock: manualClock(1_000),
  })
  const app = await createApp({ version: '0' })
  guard(app, { access: {} as Access, host: '127.0.0.1', reachOf: () => 'caller' })
  mlflowRoutes(app, [loggedModelCalls({ loggedModels, experiments })])
  t.after(() => app.close())
  const call = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => {
    const answer = await app.inject({ method, url: `${base}${path}`, ...(body ? { payload: body } : {}) })
    return answer.statusCode === 200 ? answer.json() : [answer.statusCode, answer.json().error_code]
  }
  const create = async (body: object): Promise<string> => (await call('POST', '', body)).model.info.model_id
  return { db, loggedModels, written, call, create }
}

test('a logged model is made, finalized, tagged and found, and stands in the ledger', async t => {
  const { call, create, written } = await open(t)

  const id = await create({
    experiment_id: 1,
    name: 'forest',
    source_run_id: 'r1',
    params: [{ key: 'depth', value: '3' }],
    tags: [{ key: 'a', value: '1' }],
  })
  await call('PATCH', `/${id}`, { model_id: id, status: 'LOGGED_MODEL_READY' })
  await call('PATCH', `/${id}/tags`, { tags: [{ key: 'b/c d', value: '2' }] })
  await call('DELETE', `/${id}/tags/a`)
  const got = await call('GET', `/${id}`)

  assert.match(id, /^m-[0-9a-f]{32}$/)
  assert.deepEqual(got, {
    model: {
      info: {
        model_id: id,
        experiment_id: '1',
        name: 'forest',
        creation_timestamp_ms: 1_000,
        last_updated_timestamp_ms: 1_000,
        artifact_uri: `mlflow-artifacts:/1/models/${id}/artifacts`,
        status: 'LOGGED_MODEL_READY',
        model_type: '',
        source_run_id: 'r1',
        tags: [{ key: 'b/c d', value: '2' }],
      },
      data: { params: [{ key: 'depth', value: '3' }] },
    },
  })
  assert.deepEqual(written, [
    { kind: 'logged_model', label: 'forest' },
    { from: id, to: 'r1', relation: 'made_by' },
  ])
  assert.deepEqual(
    await call('POST', '/search', {
      experiment_ids: ['1'],
      filter: "params.depth = '3' AND status = 'READY'",
      order_by: [{ field_name: 'metrics.loss', ascending: false }],
    }),
    { models: [got.model] },
  )
})

test('a deleted model is found only by who asks for deleted ones, and every write may be repeated', async t => {
  const { call, create } = await open(t)
  const id = await create({ experiment_id: '1' })
  const params = { params: [{ key: 'a', value: '1' }] }

  assert.deepEqual(
    [
      await call('POST', `/${id}/params`, params),
      await call('POST', `/${id}/params`, params),
      await call('DELETE', `/${id}`),
      await call('DELETE', `/${id}`),
      await call('GET', `/${id}`),
      (await call('GET', `/${id}?allow_deleted=true`)).model.info.model_id,
      await call('PATCH', `/${id}/tags`, { tags: [] }),
      await call('POST', '/search', { experiment_ids: ['1'] }),
    ],
    [{}, {}, {}, {}, [404, 'RESOURCE_DOES_NOT_EXIST'], id, [404, 'RESOURCE_DOES_NOT_EXIST'], { models: [] }],
  )
})

test('what cannot be is refused in words of MLflow', async t => {
  const { call, create } = await open(t)
  const id = await create({ experiment_id: '1', params: [{ key: 'a', value: '1' }] })
  const invalid = [400, 'INVALID_PARAMETER_VALUE']
  const missing = [404, 'RESOURCE_DOES_NOT_EXIST']

  assert.deepEqual(
    [
      await call('POST', '', {}),
      await call('POST', '', { experiment_id: '9' }),
      await call('POST', '', { experiment_id: '2' }),
      await call('POST', '', { experiment_id: '1', name: 'a/b' }),
      await call('POST', '', {
        experiment_id: '1',
        params: [
          { key: 'x', value: '1' },
          { key: 'x', value: '1' },
        ],
      }),
      await call('PATCH', `/${id}`, { status: 'LOGGED_MODEL_PENDING' }),
      await call('PATCH', `/${id}`, { status: 7 }),
      await call('POST', `/${id}/params`, { params: [{ key: 'a', value: '2' }] }),
      await call('DELETE', `/${id}/tags/none`),
      await call('GET', '/m-none'),
      await call('POST', '/search', { experiment_ids: [] }),
      await call('POST', '/search', { experiment_ids: ['1'], max_results: 0 }),
      await call('POST', '/search', { experiment_ids: ['1'], filter: "colour = 'red'" }),
      await call('POST', '/search', { experiment_ids: ['1'], order_by: [{ field_name: 'params.a' }] }),
      await call('POST', '/search', { experiment_ids: ['1'], page_token: 'forged' }),
    ],
    [
      invalid,
      missing,
      invalid,
      invalid,
      invalid,
      invalid,
      invalid,
      invalid,
      missing,
      missing,
      invalid,
      invalid,
      invalid,
      invalid,
      invalid,
    ],
  )
})

test('a run measures models of its own project only, and a point that comes twice is one', async t => {
  const { db, loggedModels, call, create } = await open(t)
  const id = await create({ experiment_id: '1' })
  const point = { modelId: id, key: 'loss', value: 0, nan: true, timestamp: 5, step: -1, datasetName: 'test' }
  const put = (project: string) =>
    db.transaction().execute(tx => loggedModels.putMetrics(tx, { id: 'r1', project }, [point, point]))

  await put('rain')
  await put('rain')

  await assert.rejects(put('sun'), { code: 'not_found' })
  assert.deepEqual((await call('GET', `/${id}`)).model.data.metrics, [
    { key: 'loss', value: 'NaN', timestamp: 5, step: -1, dataset_name: 'test', model_id: id, run_id: 'r1' },
  ])
})
