import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { fillMlflow, mlflowRequest, picture } from './authorisation-mlflow.ts'
import { rain } from '../src/project/example.ts'
import {
  endless,
  fillNative,
  foreign,
  isMlflow,
  isNative,
  isReading,
  mark,
  nameOf,
  openStage,
  personas,
  requireClean,
  secretProject,
  type Examples,
  type Persona,
  type Route,
} from './authorisation-stage.ts'

/**
 * Every route of the control plane, as it is made by main.ts, asked by everyone: nobody, a user without any role, a token
 * of another project, and each role. New routes are asked too; a route that this test has no example for fails it.
 */

type Role = 'viewer' | 'editor' | 'admin'
const ranks: readonly string[] = ['viewer', 'editor', 'admin']
const roleOf: Readonly<Partial<Record<Persona, Role>>> = {
  viewer: 'viewer',
  editor: 'editor',
  manager: 'admin',
  administrator: 'admin',
}

/** The address of a native route about something of the secret project. */
function nativeRequest({ method, url }: Route, examples: Examples): InjectOptions {
  const path = url.replaceAll(/([a-z-]+)\/:(\w+)|\*/g, (whole, collection: string, parameter: string, at: number) => {
    if (whole === '*') return url.startsWith('/git') ? `${secretProject}.git/git-receive-pack` : 'x'
    if (parameter === 'project') return `${collection}/${secretProject}`
    const example = Object.hasOwn(examples, collection) ? examples[collection] : undefined
    // What follows the first parameter is inside the thing that it names.
    const isInner = url.slice(0, at).includes(':')
    assert.ok(
      example !== undefined || isInner || free.has(collection),
      `${url}: this test needs an example of /${collection}/:${parameter}`,
    )
    return `${collection}/${example ?? (parameter === 'digest' ? '0'.repeat(64) : `${mark}x`)}`
  })
  return { method: method as 'GET', url: path.replaceAll('::', ':') }
}

/** Parameters that stand for nothing of a project. */
const free = new Set(['attempts', 'environments', 'hooks', 'errors', 'blobs', 'tables', 'tokens', 'users', 'secrets'])

function requiredOf({ method, url, config }: Route): Role | 'none' {
  if (typeof config.role === 'function') return config.role({ url: `${url}git-receive-pack` } as never) as Role
  return config.role ?? (isReading(method) ? 'viewer' : 'editor')
}

/** What the guard answers whom. Undefined: it lets the request pass. */
function expectedOf(route: Route, persona: Persona): number | undefined {
  const required = requiredOf(route)
  if (required === 'none') return undefined
  if (persona === 'anonymous') return 401
  const role = roleOf[persona]
  const isEnough = role !== undefined && ranks.indexOf(role) >= ranks.indexOf(required)
  const { project } = route.config
  if (project === 'platform') return persona === 'administrator' ? undefined : 403
  if (project === 'caller') return isEnough || required === 'viewer' || persona === 'other' ? undefined : 403
  if (role === undefined) return 404
  return isEnough ? undefined : 403
}

test('every native route lets in whom it should, and nobody else', async t => {
  const stage = await openStage(t)
  const native = await fillNative(stage)
  const said = await fillMlflow(stage)
  const examples = { ...native, experiments: String(said['experiment_id']), traces: String(said['trace_id']) }
  const routes = stage.routes.filter(isNative)
  assert.ok(routes.length > 60, `only ${routes.length} routes were found`)
  const wrong: object[] = []

  for (const persona of personas)
    for (const route of routes) {
      const expected = expectedOf(route, persona)
      if (route.url === endless && expected === undefined) continue
      const answer = await stage.ask(persona, nativeRequest(route, examples))
      const what = nameOf(route, persona)
      requireClean(answer, what)
      if (answer.reached !== (expected === undefined) || (expected !== undefined && answer.status !== expected))
        wrong.push({
          what,
          expected: expected ?? 'let in',
          found: answer.reached ? 'let in' : answer.status,
          body: answer.body,
        })
      if (persona !== 'other' && persona !== 'stranger') continue
      if (answer.status === 200) assert.doesNotMatch(answer.body, new RegExp(mark), what)
      // Their handlers ask themselves.
      if (/\/(experiments|traces)\/:/.test(route.url)) assert.ok([403, 404].includes(answer.status), what)
    }

  assert.deepEqual(wrong, [])
})

test('lists over projects show what the caller may read, and all of it', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  for (const url of ['/api/v1/projects', '/api/v1/loop', '/api/v1/events']) {
    const shown: Partial<Record<Persona, boolean[]>> = {}
    for (const persona of ['stranger', 'other', 'viewer', 'administrator'] as const) {
      const { status, body } = await stage.ask(persona, { url })
      assert.equal(status, 200)
      shown[persona] = [body.includes(secretProject), body.includes('snow')]
    }
    assert.deepEqual(
      shown,
      { stranger: [false, false], other: [false, true], viewer: [true, false], administrator: [true, true] },
      url,
    )
  }
  const { body } = await stage.ask('other', { url: `/api/v1/events?project=${secretProject}` })
  assert.deepEqual(JSON.parse(body), { items: [] })
})

test('lineage ends where another project begins', async t => {
  const stage = await openStage(t)
  const { lineage } = await fillNative(stage)
  const url = `/api/v1/lineage/${foreign}`
  const idsFor = async (persona: Persona): Promise<unknown> => {
    const { status, body } = await stage.ask(persona, { url })
    return status === 200 ? JSON.parse(body).nodes.map(({ id }: { id: string }) => id) : status
  }

  assert.deepEqual(
    [await idsFor('other'), await idsFor('viewer'), await idsFor('administrator')],
    [[foreign], 404, [foreign, lineage]],
  )
})

test('the stream of events holds those of the projects that the caller may read', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const hears = async (persona: Persona, more = ''): Promise<boolean[]> => {
    const said = await stage.hear(persona, `${endless}?after=0${more}`)
    return [said.includes(':ready'), said.includes(secretProject), said.includes('snow')]
  }

  assert.deepEqual(await hears('anonymous'), [false, false, false])
  assert.deepEqual(await hears('stranger'), [true, false, false])
  assert.deepEqual(await hears('other'), [true, false, true])
  assert.deepEqual(await hears('other', `&project=${secretProject}`), [true, false, false])
  assert.deepEqual(await hears('viewer'), [true, true, false])
})

test('a stream of events ends when its token is revoked', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const { token, secret } = await stage.parts.access.createToken({ name: 'x', role: 'viewer' })
  const address = await stage.app.listen({ port: 0, host: '127.0.0.1' })
  const { body } = await fetch(`${address}${endless}?after=0`, { headers: { authorization: `Bearer ${secret}` } })
  const reader = body!.getReader()
  await reader.read()

  await stage.parts.access.revokeToken(token.id)
  await stage.parts.projects.apply({ spec: { ...rain(), name: 'hail' }, actor: 'test' })

  const rest: string[] = []
  const ended = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      rest.push(Buffer.from(part.value).toString())
  })()
  await assert.rejects(ended)
  assert.doesNotMatch(rest.join(''), /hail/)
})

/** Read by people: each of these leaves out what the caller may not read, or asks for the permission itself. */
const ofCaller = [
  'DELETE /api/v1/experiments/:id',
  'DELETE /api/v1/tokens/:id',
  'DELETE /api/v1/tracking-runs/:id',
  'GET /*',
  'GET /api/v1/blobs/:digest',
  'GET /api/v1/events',
  'GET /api/v1/events/stream',
  'GET /api/v1/experiments',
  'GET /api/v1/experiments/:experiment',
  'GET /api/v1/experiments/:experiment/runs',
  'GET /api/v1/experiments/:experiment/traces',
  'GET /api/v1/loop',
  'GET /api/v1/me',
  'GET /api/v1/metric-histories',
  'GET /api/v1/models',
  'GET /api/v1/models/:name',
  'GET /api/v1/openlineage',
  'GET /api/v1/projects',
  'GET /api/v1/run-comparison',
  'GET /api/v1/storage',
  'GET /api/v1/tokens',
  'GET /api/v1/traces/:id',
  'GET /api/v1/tracking-runs/:id',
  'GET /api/v1/users/:user',
  'GET /assets/*',
  'GET /errors/:code',
  'GET /favicon.svg',
  'GET /openapi.json',
  'GET /theme.js',
  'POST /api/v1/blobs/missing',
  'POST /api/v1/experiments/:id/restore',
  'POST /api/v1/lineage',
  'POST /api/v1/lineage/batch',
  'POST /api/v1/tokens',
  'POST /api/v1/tracking-runs/:id/restore',
  'PUT /api/v1/blobs/:digest',
  'PUT /api/v1/users/:user',
]
/** Open to all: they say nothing of anything, or the address carries a signature. */
const open = [
  'GET /ajax-api/3.0/mlflow/server-info',
  'GET /api/2.0/mlflow-artifacts/signed/:digest/:name',
  'GET /api/3.0/mlflow/server-info',
  'GET /api/v1/attempts/:attempt/blobs/:digest',
  'GET /api/v1/health',
  'GET /health',
  'GET /version',
  // By the token of the attempt: src/compute/routes.test.ts.
  'POST /api/v1/attempts/:attempt/checkpoint',
  'POST /api/v1/attempts/:attempt/claim',
  'POST /api/v1/attempts/:attempt/end',
  'POST /api/v1/attempts/:attempt/heartbeat',
  'POST /api/v1/attempts/:attempt/log',
  'POST /api/v1/attempts/:attempt/outputs/:name',
  'POST /api/v1/hooks/:hook',
  'PUT /api/2.0/mlflow-artifacts/mpu/parts/:upload/:number',
  'PUT /api/v1/attempts/:attempt/checkpoint/files',
  'PUT /api/v1/attempts/:attempt/files',
  'PUT /api/v1/attempts/:attempt/metrics',
  'PUT /api/v1/attempts/:attempt/outputs/:name',
]
/** Calls of MLflow which anyone who is known may make: lists that leave things out, and what its handler asks for itself. */
const ofAnyone = [
  'DELETE /api/3.0/mlflow/datasets/:dataset_id',
  'GET /api/2.0/mlflow-artifacts/artifacts',
  'GET /api/2.0/mlflow/artifacts/list',
  'GET /api/2.0/mlflow/experiments/search',
  'GET /api/2.0/mlflow/logged-models/:model_id/artifacts/directories',
  'GET /api/2.0/mlflow/metrics/get-history',
  'GET /api/2.0/mlflow/metrics/get-history-bulk',
  'GET /api/2.0/mlflow/metrics/get-history-bulk-interval',
  'GET /api/2.0/mlflow/model-versions/search',
  'GET /api/2.0/mlflow/registered-models/search',
  'GET /api/2.0/mlflow/traces',
  'GET /api/2.0/mlflow/users/current',
  'GET /api/2.0/mlflow/users/get',
  'GET /api/3.0/mlflow/datasets/search',
  'GET /api/3.0/mlflow/scorers/list',
  'GET /api/3.0/mlflow/scorers/online-configs',
  'GET /api/3.0/mlflow/traces/batchGet',
  'PATCH /api/2.0/mlflow/users/update-password',
  'POST /api/2.0/mlflow/experiments/search',
  'POST /api/2.0/mlflow/experiments/search-datasets',
  'POST /api/2.0/mlflow/logged-models/search',
  'POST /api/2.0/mlflow/runs/search',
  'POST /api/3.0/mlflow/datasets/search',
  'POST /api/3.0/mlflow/traces/batchGetInfos',
  'POST /api/3.0/mlflow/traces/calculate-filter-correlation',
  'POST /api/3.0/mlflow/traces/metrics',
  'POST /api/3.0/mlflow/traces/search',
]
const pages = ['GET /*', 'GET /assets/*', 'GET /favicon.svg', 'GET /theme.js']

test('routes that leave the decision to their handler, or are open to all, are known by name', async t => {
  const routes = (await openStage(t)).routes.filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')
  const named = (chosen: readonly Route[]): string[] => [
    ...new Set(chosen.map(({ method, url }) => `${method} ${url}`)),
  ]
  // The pages are there when they have been built.
  const without = (all: readonly string[]): string[] => all.filter(name => !pages.includes(name)).toSorted()
  const native = routes.filter(route => isNative(route) && route.config.project === 'caller')
  // What is below `/ajax-api` is declared together with what is below `/api`.
  const ofMlflow = routes.filter(
    ({ url, config: { may, role } }) => role !== 'none' && may === 'anyone' && url.startsWith('/api/'),
  )

  assert.deepEqual(named(routes.filter(({ config }) => config.role === 'none')).toSorted(), open)
  assert.deepEqual(without(named(native)), without(ofCaller))
  assert.deepEqual(without(named(ofMlflow)), without(ofAnyone))
})

/** What a call of MLflow answers to whom: `in` is anything but a refusal. */
function refusedBy({ config }: Route, persona: Persona): readonly number[] | undefined {
  if (config.role === 'none') return undefined
  if (persona === 'anonymous') return [401]
  const { may } = config
  if (may === 'admin') return persona === 'administrator' ? undefined : [403]
  if (may === undefined || forEveryone.has(may)) return undefined
  const role = roleOf[persona]
  // Of another project: what it is called there may be there or not.
  if (role === undefined) return [403, 404]
  return ranks.indexOf(role) >= ['read', 'edit', 'manage'].indexOf(may) ? undefined : [403]
}

test('every call of MLflow lets in whom it should, and nobody else sees or changes anything', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const said = await fillMlflow(stage)
  const routes = stage.routes.filter(isMlflow)
  assert.ok(routes.length > 200, `only ${routes.length} routes were found`)
  const before = await picture(stage, said)
  const wrong: string[] = []

  for (const persona of personas) {
    for (const route of routes) {
      const refused = refusedBy(route, persona)
      const answer = await stage.ask(persona, mlflowRequest(route, said))
      const what = nameOf(route, persona)
      requireClean(answer, what)
      const isRefusal = answer.status === 401 || answer.status === 403
      if (refused ? !refused.includes(answer.status) : isRefusal && !mayRefuse(route, persona))
        wrong.push(`${what}: ${answer.status} ${answer.body.slice(0, 200)}`)
      if (answer.status === 200 && (persona === 'other' || persona === 'stranger') && answer.body.includes(mark))
        wrong.push(`${what} shows ${answer.body.slice(0, 300)}`)
    }
    if (persona === 'viewer') assert.deepEqual(await picture(stage, said), before)
  }

  assert.deepEqual(wrong, [])
})

/** Those whose handlers ask by themselves, and those that go by the signature in the address. */
/** Their handlers ask, or say that there is nothing. */
const forEveryone: ReadonlySet<string> = new Set(['anyone', 'nothing'])

const mayRefuse = ({ config: { may, role } }: Route, persona: Persona): boolean =>
  role === 'none' || ((may === undefined || forEveryone.has(may)) && persona !== 'administrator')

test('with a thing of their own, nobody reaches over MLflow into things of another project', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const said = await fillMlflow(stage)
  const before = await picture(stage, said)
  const post = async (path: string, payload: object): Promise<{ status: number; body: string }> =>
    stage.ask('other', { method: 'POST', url: `/api/${path}`, payload })
  const made = JSON.parse((await post('2.0/mlflow/experiments/create', { name: 'own' })).body)
  const { experiment_id } = made as { experiment_id: string }
  const { run_id } = JSON.parse((await post('2.0/mlflow/runs/create', { experiment_id })).body).run.info
  await post('2.0/mlflow/registered-models/create', { name: 'own' })
  const theirs = said as Record<'trace_id' | 'model_id' | 'source' | 'run_id' | 'dataset_id' | 'experiment_id', string>
  const { trace_info } = said['trace'] as { trace_info: object }
  const trace_location = { mlflow_experiment: { experiment_id } }
  const { source, model_id } = theirs
  const models = [{ model_id, step: 0 }]
  const point = { key: 'm', value: 9, timestamp: 9, step: 9 }

  const reaches: readonly (readonly [string, object])[] = [
    ['3.0/mlflow/traces', { trace: { trace_info: { ...trace_info, trace_location, request_preview: 'taken' } } }],
    ['2.0/mlflow/traces/link-to-run', { trace_ids: [theirs.trace_id], run_id }],
    ['2.0/mlflow/runs/log-metric', { run_id, ...point, model_id }],
    ['2.0/mlflow/runs/log-batch', { run_id, metrics: [{ ...point, model_id }] }],
    ['2.0/mlflow/runs/outputs', { run_id, models }],
    ['2.0/mlflow/runs/log-inputs', { run_id, models }],
    ['2.0/mlflow/logged-models', { experiment_id, source_run_id: theirs.run_id }],
    ['2.0/mlflow/model-versions/create', { name: 'own', source }],
    [
      '2.0/mlflow/model-versions/create',
      { name: 'own', source: `runs:/${theirs.run_id}/model`, run_id: theirs.run_id },
    ],
    ['2.0/mlflow/model-versions/create', { name: 'own', source: `models:/${model_id}`, model_id }],
    ['2.0/mlflow/registered-models/rename', { name: 'own', new_name: `${secretProject}.own` }],
    ['2.0/mlflow/experiments/create', { name: `${secretProject}/own` }],
    ['3.0/mlflow/datasets/create', { name: 'own', experiment_ids: [experiment_id, theirs.experiment_id] }],
    ['2.0/mlflow/runs/search', { experiment_ids: [experiment_id, theirs.experiment_id] }],
    ['2.0/mlflow/logged-models/search', { experiment_ids: [experiment_id, theirs.experiment_id] }],
    ['2.0/mlflow/experiments/search', { max_results: 100 }],
    ['3.0/mlflow/traces/search', { locations: [{ mlflow_experiment: { experiment_id: theirs.experiment_id } }] }],
  ]
  for (const [path, payload] of reaches) {
    const { status, body } = await post(path, payload)
    const seen = JSON.stringify(payload)
    // What was said may be repeated; nothing else may be told.
    const told = body.includes(mark) && !seen.includes(mark)
    assert.ok(status < 500 && !(status === 200 && told), `${path}: ${status} ${body}`)
  }
  assert.deepEqual(await picture(stage, said), before)
  assert.deepEqual(
    (await post('2.0/mlflow/model-versions/create', { name: 'own', source })).status >= 400,
    true,
    'a version is made of files of another project',
  )
})
