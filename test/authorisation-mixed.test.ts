import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRequest } from '../src/traces/index.ts'
import { fillMlflow } from './authorisation-mlflow.ts'
import { fillNative, mark, openStage, requireClean, secretProject } from './authorisation-stage.ts'

type Body = Readonly<Record<string, unknown>>

test('a call about one’s own things that names things of another project shows none of them and changes none', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const secret = await fillMlflow(stage)
  const headers = { 'x-mlflow-workspace': 'snow' }
  const send = async (
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    payload: Body,
    who: 'other' | 'administrator',
  ) => {
    const query = method === 'GET' ? `?${new URLSearchParams(payload as never).toString()}` : ''
    const body = method === 'GET' ? {} : { payload }
    return stage.ask(who, { method, url: `/api/${path}${query}`, headers: who === 'other' ? headers : {}, ...body })
  }
  // oxlint-disable-next-line typescript/no-explicit-any -- what it answers is JSON
  const own = async (path: string, payload: Body): Promise<any> => {
    const { status, body } = await send('POST', path, payload, 'other')
    assert.equal(status, 200, body)
    return JSON.parse(body)
  }
  const { experiment_id } = await own('2.0/mlflow/experiments/create', { name: 'snow/own' })
  const { run_id } = (await own('2.0/mlflow/runs/create', { experiment_id })).run.info
  const { model_id } = (await own('2.0/mlflow/logged-models', { experiment_id })).model.info
  await own('2.0/mlflow/registered-models/create', { name: 'snow.own' })
  const { dataset_id } = (await own('3.0/mlflow/datasets/create', { name: 'own', experiment_ids: [experiment_id] }))
    .dataset
  const hisRun = secret['run_id'] as string
  const hisModel = secret['model_id'] as string
  const hisTrace = secret['trace_id'] as string
  const hisExperiment = secret['experiment_id'] as string
  const hisName = secret['name'] as string

  const seen = async (): Promise<readonly string[]> =>
    Promise.all(
      (
        [
          ['GET', '2.0/mlflow/runs/get', { run_id: hisRun }],
          ['GET', '2.0/mlflow/experiments/get', { experiment_id: hisExperiment }],
          ['GET', `2.0/mlflow/logged-models/${hisModel}`, {}],
          ['GET', `3.0/mlflow/traces/${hisTrace}`, {}],
          ['GET', '2.0/mlflow/registered-models/get', { name: hisName }],
          ['GET', '2.0/mlflow/model-versions/search', { filter: `name = '${hisName}'` }],
          ['GET', `3.0/mlflow/datasets/${secret['dataset_id'] as string}`, {}],
          ['GET', '2.0/mlflow-artifacts/artifacts', { path: `${hisExperiment}/${hisRun}/artifacts/model` }],
          ['GET', `v1/lineage/${hisModel}`, {}],
          ['GET', `v1/lineage/${hisRun}`, {}],
        ] as const
      ).map(async ([method, path, payload]) => (await send(method, path, payload, 'administrator')).body),
    )
  const before = await seen()

  const point = { key: 'm', value: 2, timestamp: 2, step: 2 }
  const dataset = { name: 'd', digest: 'x', source_type: 'local', source: '{}' }
  const calls: readonly (readonly ['GET' | 'POST' | 'PATCH', string, Body])[] = [
    ['POST', '2.0/mlflow/runs/log-metric', { run_id, ...point, model_id: hisModel }],
    ['POST', '2.0/mlflow/runs/log-batch', { run_id, metrics: [{ ...point, model_id: hisModel }] }],
    ['POST', '2.0/mlflow/runs/log-metric', { run_id, run_uuid: hisRun, ...point }],
    ['POST', '2.0/mlflow/runs/log-inputs', { run_id, models: [{ model_id: hisModel }], datasets: [{ dataset }] }],
    ['POST', '2.0/mlflow/runs/outputs', { run_id, models: [{ model_id: hisModel, step: 1 }] }],
    ['POST', '2.0/mlflow/runs/search', { experiment_ids: [experiment_id, hisExperiment] }],
    ['POST', '2.0/mlflow/runs/search', { experiment_ids: [experiment_id], filter: `run_id IN ('${hisRun}')` }],
    ['POST', '2.0/mlflow/experiments/search-datasets', { experiment_ids: [experiment_id, hisExperiment] }],
    ['POST', '2.0/mlflow/experiments/update', { experiment_id, new_name: `${secretProject}/stolen` }],
    ['POST', '2.0/mlflow/logged-models', { experiment_id, name: 'x', source_run_id: hisRun }],
    ['POST', '2.0/mlflow/logged-models/search', { experiment_ids: [experiment_id, hisExperiment] }],
    ['GET', '2.0/mlflow/metrics/get-history-bulk-interval', { run_ids: hisRun, metric_key: 'm' }],
    ['POST', '2.0/mlflow/model-versions/create', { name: 'snow.own', source: secret['source'], run_id }],
    ['POST', '2.0/mlflow/model-versions/create', { name: 'snow.own', source: secret['source'], run_id: hisRun }],
    ['POST', '2.0/mlflow/model-versions/create', { name: 'snow.own', source: `runs:/${hisRun}/model` }],
    [
      'POST',
      '2.0/mlflow/model-versions/create',
      { name: 'snow.own', source: `models:/${hisModel}`, model_id: hisModel },
    ],
    ['POST', '2.0/mlflow/model-versions/create', { name: 'snow.own', source: `models:/${hisName}/1` }],
    ['POST', '2.0/mlflow/model-versions/create', { name: 'snow.own', source: `models:/${hisName}@best` }],
    ['POST', '2.0/mlflow/model-versions/create', { name: hisName, source: `models:/${model_id}`, model_id }],
    ['POST', '2.0/mlflow/registered-models/rename', { name: 'snow.own', new_name: `${secretProject}.stolen` }],
    ['POST', '2.0/mlflow/registered-models/rename', { name: hisName, new_name: 'snow.stolen' }],
    ['GET', '2.0/mlflow/model-versions/search', { filter: `name = '${hisName}'` }],
    ['GET', '2.0/mlflow/model-versions/search', { filter: `run_id = '${hisRun}'` }],
    ['GET', '2.0/mlflow/registered-models/search', { filter: `name LIKE '%${mark}%'` }],
    ['POST', '2.0/mlflow/traces/link-to-run', { run_id, trace_ids: [hisTrace] }],
    ['POST', '2.0/mlflow/traces/delete-traces', { experiment_id, request_ids: [hisTrace] }],
    ['GET', '3.0/mlflow/traces/batchGet', { trace_ids: hisTrace }],
    [
      'POST',
      '3.0/mlflow/traces/search',
      { locations: [experiment_id, hisExperiment].map(id => ({ mlflow_experiment: { experiment_id: id } })) },
    ],
    [
      'POST',
      '3.0/mlflow/traces/metrics',
      {
        experiment_ids: [hisExperiment],
        view_type: 'TRACES',
        metric_name: 'trace_count',
        aggregations: [{ aggregation_type: 'COUNT' }],
      },
    ],
    [
      'POST',
      '3.0/mlflow/traces/calculate-filter-correlation',
      { experiment_ids: [hisExperiment], filter_string1: "status = 'OK'", filter_string2: "status = 'OK'" },
    ],
    [
      'POST',
      '3.0/mlflow/traces',
      {
        trace: {
          trace_info: {
            ...(secret['trace'] as { trace_info: object }).trace_info,
            trace_location: { mlflow_experiment: { experiment_id } },
            tags: { stolen: 'yes' },
          },
        },
      },
    ],
    ['POST', '3.0/mlflow/datasets/create', { name: 'two', experiment_ids: [experiment_id, hisExperiment] }],
    ['POST', `3.0/mlflow/datasets/${dataset_id}/add-experiments`, { experiment_ids: [hisExperiment] }],
    ['POST', '3.0/mlflow/datasets/search', { experiment_ids: [experiment_id, hisExperiment] }],
    ['GET', '3.0/mlflow/scorers/list', { experiment_id: hisExperiment }],
    [
      'POST',
      '2.0/mlflow-artifacts/mpu/complete/' + experiment_id,
      { path: 'MLmodel', upload_id: secret['upload_id'], parts: [] },
    ],
    ['POST', '2.0/mlflow-artifacts/mpu/abort/' + experiment_id, { path: 'MLmodel', upload_id: secret['upload_id'] }],
    [
      'POST',
      '2.0/mlflow/experiments/create',
      { name: 'snow/at their place', artifact_location: `mlflow-artifacts:/${hisExperiment}` },
    ],
  ]
  const shown: string[] = []
  for (const [method, path, payload] of calls) {
    const answer = await send(method, path, payload, 'other')
    const what = `${method} ${path} ${JSON.stringify(payload).slice(0, 120)}`
    requireClean(answer, what)
    // What the caller has said himself may be repeated to him.
    const said = JSON.stringify(payload)
    const words = answer.body.match(new RegExp(`[\\w.-]*${mark}[\\w-]*`, 'g')) ?? []
    if (words.some(word => !said.includes(word))) shown.push(`${what}: ${answer.body}`)
  }
  const spans = [
    {
      trace_id: Buffer.from(hisTrace.slice(3), 'hex'),
      span_id: Buffer.alloc(8, 7),
      name: 'forged',
      start_time_unix_nano: '1',
      end_time_unix_nano: '2',
    },
  ]
  const otlp = await stage.ask('other', {
    method: 'POST',
    url: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': experiment_id },
    payload: Buffer.from(encodeRequest([{ resource: { attributes: [] }, scope_spans: [{ spans }] }])),
  })
  requireClean(otlp, 'OTLP')
  // A place of their own that lies in the other's is no way to the other's files.
  const { experiments } = JSON.parse(
    (await send('POST', '2.0/mlflow/experiments/search', { max_results: 100 }, 'other')).body,
  )
  const at = experiments.find(({ name }: { name: string }) => name === 'snow/at their place')
  if (at) {
    const made = (await own('2.0/mlflow/runs/create', { experiment_id: at.experiment_id })).run.info
    const path = made.artifact_uri.replace('mlflow-artifacts:/', '')
    const put = await stage.ask('other', {
      method: 'PUT',
      url: `/api/2.0/mlflow-artifacts/artifacts/${path}/x`,
      payload: 'x',
    })
    assert.equal(put.status, 404)
  }

  assert.deepEqual(shown, [])
  assert.deepEqual(await seen(), before)
})
