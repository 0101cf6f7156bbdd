import assert from 'node:assert/strict'
import type { InjectOptions } from 'fastify'
import { mark, secretProject, type Persona, type Route, type Stage } from './authorisation-stage.ts'

/** Everything that MLflow's calls name, of things of the secret project: each call finds its own fields in it. */
export type Said = Readonly<Record<string, unknown>>

const api = (path: string): string => `/api/${path}`

/** Makes one of each kind of thing over MLflow's API, as the editor of the secret project. */
export async function fillMlflow(stage: Stage): Promise<Said> {
  const send = async (method: 'POST' | 'PUT', path: string, payload: object): Promise<Answered> => {
    const { status, body } = await stage.ask('editor', { method, url: api(path), payload })
    assert.equal(status, 200, `${method} ${path}: ${body}`)
    return JSON.parse(body) as Answered
  }
  const post = (path: string, payload: object): Promise<Answered> => send('POST', path, payload)
  const label = [{ key: 'k', value: `${mark} tag` }]

  const { experiment_id } = (await post('2.0/mlflow/experiments/create', { name: `${mark}exp` })) as Ids
  const { run } = (await post('2.0/mlflow/runs/create', { experiment_id, run_name: `${mark}run` })) as {
    run: { info: Ids }
  }
  const { run_id } = run.info
  const metrics = [{ key: 'm', value: 1, timestamp: 1, step: 0 }]
  await post('2.0/mlflow/runs/log-batch', { run_id, metrics, params: [{ key: 'p', value: mark }], tags: label })
  const folder = `${experiment_id}/${run_id}/artifacts/model`
  await send('PUT', `2.0/mlflow-artifacts/artifacts/${folder}/MLmodel`, {
    flavors: { python_function: { loader_module: mark } },
  })
  const name = `${secretProject}.${mark}model`
  await post('2.0/mlflow/registered-models/create', { name })
  const source = `mlflow-artifacts:/${folder}`
  await post('2.0/mlflow/model-versions/create', { name, source, run_id })
  await post('2.0/mlflow/registered-models/alias', { name, alias: 'best', version: '1' })
  const { model } = (await post('2.0/mlflow/logged-models', { experiment_id, name: `${mark}logged` })) as {
    model: { info: Ids }
  }
  const trace_id = `tr-${'0'.repeat(31)}1`
  const trace_info = {
    trace_id,
    trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id } },
    request_time: '2026-01-01T00:00:00Z',
    state: 'OK',
    request_preview: mark,
    trace_metadata: {},
    tags: {},
  }
  await post('3.0/mlflow/traces', { trace: { trace_info } })
  const assessment = {
    assessment_name: `${mark}judged`,
    trace_id,
    feedback: { value: true },
    source: { source_type: 'HUMAN', source_id: 'x' },
  }
  const { assessment: assessed } = (await post(`3.0/mlflow/traces/${trace_id}/assessments`, { assessment })) as {
    assessment: Ids
  }
  const { dataset } = (await post('3.0/mlflow/datasets/create', {
    name: `${mark}set`,
    experiment_ids: [experiment_id],
  })) as {
    dataset: Ids
  }
  await post('3.0/mlflow/scorers/register', { experiment_id, name: `${mark}judge`, serialized_scorer: '{}' })
  const hook = { name: 'hook', url: 'http://127.0.0.1:9/', events: [{ entity: 'MODEL_VERSION', action: 'CREATED' }] }
  const { webhook } = JSON.parse(
    (await stage.ask('manager', { method: 'POST', url: api('2.0/mlflow/webhooks'), payload: hook })).body,
  ) as { webhook: Ids }
  const upload = (await post(`2.0/mlflow-artifacts/mpu/create/${folder}`, {
    path: 'MLmodel',
    num_parts: 1,
  })) as Ids

  return {
    ...hook,
    webhook_id: webhook.webhook_id,
    upload_id: upload.upload_id,
    upload: upload.upload_id,
    number: '1',
    digest: '0'.repeat(64),
    experiment_id,
    experiment_ids: [experiment_id],
    experiment_name: `${mark}exp`,
    run_id,
    run_uuid: run_id,
    run_ids: [run_id],
    run_name: 'r',
    name,
    new_name: `${secretProject}.renamed`,
    alias: 'best',
    version: '1',
    stage: 'Archived',
    stages: ['Archived'],
    source,
    model_id: model.info.model_id,
    model_ids: [model.info.model_id],
    id: model.info.model_id,
    models: [{ model_id: model.info.model_id, step: 0 }],
    trace_id,
    request_id: trace_id,
    trace_ids: [trace_id],
    request_ids: [trace_id],
    trace: { trace_info },
    assessment_id: assessed.assessment_id,
    assessment,
    update_mask: 'rationale',
    dataset_id: dataset.dataset_id,
    scorer_name: `${mark}judge`,
    serialized_scorer: '{}',
    key: 'k',
    tag_key: 'k',
    value: 'v',
    tags: label,
    params: [{ key: 'q', value: 'v' }],
    metrics,
    datasets: [],
    metric_key: 'm',
    timestamp: 1,
    timestamp_ms: 1,
    execution_time_ms: 1,
    step: 0,
    status: 'FINISHED',
    model_json: JSON.stringify({
      artifact_path: 'model',
      flavors: {},
      run_id,
      utc_time_created: '2026-01-01 00:00:00.0',
    }),
    max_results: 10,
    max_traces: 10,
    max_timestamp_millis: 1,
    records: '[]',
    inputs: [],
    username: 'stranger',
    user: 'stranger',
    password: 'a new password',
    permission: 'READ',
    is_admin: false,
    resource_type: 'experiment',
    resource_id: experiment_id,
    path: 'model/MLmodel',
    artifact_file_path: 'MLmodel',
    '*': `${folder}/MLmodel`,
    level: '4.0',
    num_parts: 1,
    parts: [],
  }
}

type Ids = Readonly<
  Record<'experiment_id' | 'run_id' | 'model_id' | 'assessment_id' | 'dataset_id' | 'webhook_id' | 'upload_id', string>
>
type Answered = unknown

/** Where a field means something else than in most calls. */
const exceptions: readonly (readonly [RegExp, (said: Said) => Said])[] = [
  [/runs\/log-(metric|inputs)$/, () => ({ value: 1 })],
  [/scorers\/(register|get|delete|versions)$/, said => ({ name: said['scorer_name'] })],
  [/mlflow\/datasets\//, () => ({ tags: '{}' })],
  [/logged-models\/search$/, () => ({ order_by: [] })],
  [/logged-models\/:model_id$/, () => ({ status: 'LOGGED_MODEL_READY' })],
  [/experiments\/(update|create)$/, () => ({ name: `${secretProject}/new`, new_name: `${secretProject}/other` })],
  [/2.0\/mlflow\/traces\/:request_id$/, () => ({ status: 'OK' })],
  [/mlflow\/webhooks/, () => ({ status: 'DISABLED' })],
]

/** Calls about the project that the caller works in: they are asked to work in the secret one. */
const inWorkspace = /mlflow\/webhooks$/

/** A call about things of the secret project, with every field that any call has. */
export function mlflowRequest({ method, url }: Route, all: Said): InjectOptions {
  const said = {
    ...all,
    ...exceptions.filter(([which]) => which.test(url)).reduce((o, [, of]) => ({ ...o, ...of(all) }), {}),
  } as Said
  const path = url.replaceAll(/:(\w+)(?:\([^)]+\))?|\*/g, (whole, parameter: string | undefined) => {
    const value = said[parameter ?? '*']
    assert.ok(typeof value === 'string', `${url}: this test needs an example of ${whole}`)
    return parameter === undefined ? value : encodeURIComponent(value)
  })
  const headers = inWorkspace.test(url) ? { 'x-mlflow-workspace': secretProject } : {}
  const asked = { method: method as 'POST', url: `${path}?${query(said)}`, headers }
  return method === 'GET' || method === 'HEAD' ? asked : { ...asked, payload: said }
}

export function query(said: Said): string {
  const pairs = Object.entries(said).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.filter(each => typeof each !== 'object').map(each => [name, String(each)])
      : typeof value === 'object' || name === '*'
        ? []
        : [[name, JSON.stringify(value).replaceAll('"', '')]],
  )
  return new URLSearchParams(pairs).toString()
}

/** What can be seen of the secret project over MLflow's API: equal before and after whoever may change nothing. */
export async function picture(stage: Stage, said: Said, persona: Persona = 'viewer'): Promise<readonly string[]> {
  const reads = [
    '2.0/mlflow/experiments/get',
    '2.0/mlflow/runs/get',
    '2.0/mlflow/registered-models/get',
    '2.0/mlflow/model-versions/get',
    '2.0/mlflow/artifacts/list',
    '2.0/mlflow/logged-models/:model_id',
    '3.0/mlflow/traces/:trace_id',
    '3.0/mlflow/datasets/:dataset_id',
    '3.0/mlflow/scorers/get',
  ]
  return Promise.all(
    reads.map(async path => {
      const request = mlflowRequest({ method: 'GET', url: api(path), config: {} }, { ...said, path: '' })
      const { status, body } = await stage.ask(persona, request)
      assert.equal(status, 200, `${path}: ${body}`)
      return body
    }),
  )
}
