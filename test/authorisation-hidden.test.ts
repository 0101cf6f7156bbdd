import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillMlflow, mlflowRequest, type Said } from './authorisation-mlflow.ts'
import { fillNative, isMlflow, openStage, type Stage } from './authorisation-stage.ts'

/** Ids of things that are not there, for the fields by which calls name things. */
const missing: Said = {
  experiment_id: '999',
  experiment_ids: ['999'],
  experiment_name: 'nothing',
  run_id: '0'.repeat(32),
  run_uuid: '0'.repeat(32),
  run_ids: ['0'.repeat(32)],
  model_id: `m-${'0'.repeat(32)}`,
  id: `m-${'0'.repeat(32)}`,
  trace_id: `tr-${'0'.repeat(32)}`,
  request_id: `tr-${'0'.repeat(32)}`,
  trace_ids: [`tr-${'0'.repeat(32)}`],
  dataset_id: `d-${'0'.repeat(32)}`,
  webhook_id: 'whk_00000000-0000-7000-8000-000000000000',
  resource_id: '999',
  '*': `999/${'0'.repeat(32)}/artifacts/model/MLmodel`,
}

const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** What a call answers, with the ids that were asked for taken out. */
async function answerOf(stage: Stage, request: Parameters<Stage['ask']>[1], said: Said): Promise<string> {
  const { status, body } = await stage.ask('stranger', request)
  const ids = Object.keys(missing).flatMap(name => said[name] as string | readonly string[])
  // The id of an experiment is a number: as a word alone, and not a part of a version's.
  return ids.reduce(
    (text, id) => text.replaceAll(new RegExp(`(?<![\\w.])${id}(?![\\w.])`, 'g'), '…'),
    `${status}: ${body}`,
  )
}

test('to who may not read it, a thing answers every call of MLflow as if it were not there', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const said = await fillMlflow(stage)
  const nothing = { ...said, ...missing }
  const told: object[] = []

  // What is below `/ajax-api` is declared together with what is below `/api`.
  const routes = stage.routes.filter(
    route =>
      isMlflow(route) &&
      !route.url.startsWith('/ajax-api') &&
      methods.has(route.method) &&
      !/3.0\/\*$|2.0\/\*$/.test(route.url),
  )
  assert.ok(routes.length > 200, `only ${routes.length} routes were found`)
  for (const route of routes) {
    const [there, gone] = [
      await answerOf(stage, mlflowRequest(route, said), said),
      await answerOf(stage, mlflowRequest(route, nothing), nothing),
    ]
    if (there !== gone) told.push({ route: `${route.method} ${route.url}`, there, gone })
  }

  assert.deepEqual(told, [])
})

test('to who may not read it, a tracked thing answers every native route as if it were not there', async t => {
  const stage = await openStage(t)
  const examples = await fillNative(stage)
  const { trace_id } = await fillMlflow(stage)
  const things = [
    ['experiments', examples['experiments']!, '999'],
    ['tracking-runs', examples['tracking-runs']!, '0'.repeat(32)],
    ['traces', String(trace_id), `tr-${'0'.repeat(32)}`],
  ] as const
  const routes = stage.routes.filter(({ url }) => /^\/api\/v1\/(experiments|tracking-runs|traces)\/:\w+/.test(url))
  assert.ok(routes.length >= 8, `only ${routes.length} routes were found`)
  const told: object[] = []

  for (const [collection, there, gone] of things)
    for (const { method, url } of routes.filter(route => route.url.startsWith(`/api/v1/${collection}/`))) {
      const ask = async (id: string): Promise<string> => {
        const answer = await stage.ask('stranger', { method: method as 'GET', url: url.replace(/:\w+/, id) })
        return `${answer.status} ${answer.body.replaceAll(id, '…')}`
      }
      const answers = [await ask(there), await ask(gone)]
      if (answers[0] !== answers[1] || answers[0]!.startsWith('2')) told.push({ method, url, answers })
    }

  assert.deepEqual(told, [])
})

test('who makes a version of theirs out of a run that they may not read, leaves no trace on the side of that run', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const { run_id, model_id } = (await fillMlflow(stage)) as { run_id: string; model_id: string }
  const post = async (path: string, payload: object): Promise<number> =>
    (await stage.ask('other', { method: 'POST', url: `/api/2.0/mlflow/${path}`, payload })).status
  const neighbours = async (id: string): Promise<string> => {
    const { body } = await stage.ask('administrator', { url: `/api/v1/lineage/${id}` })
    return body
  }
  const before = [await neighbours(run_id), await neighbours(model_id)]
  await post('registered-models/create', { name: 'theirs' })
  const named = { name: 'theirs', source: 's3://bucket/x', run_id, model_id }

  // A run that is not there is named as freely: registries stand beside other tracking servers.
  assert.deepEqual(
    [await post('model-versions/create', named), await post('model-versions/create', { ...named, run_id: 'gone' })],
    [200, 200],
  )
  assert.deepEqual([await neighbours(run_id), await neighbours(model_id)], before)
})

test('who edits does not delete, unless it is of their own making', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const said = await fillMlflow(stage)
  const deleting =
    /\/(runs|experiments|registered-models|model-versions|scorers)\/(delete|restore)$|logged-models\/:model_id$|delete-traces$|artifacts\/\*$|datasets\/:dataset_id$/
  const routes = stage.routes.filter(
    ({ method, url, config }) =>
      url.startsWith('/api/') && config.may !== 'nothing' && ['POST', 'DELETE'].includes(method) && deleting.test(url),
  )
  const refused: string[] = []
  for (const route of routes) {
    const { status } = await stage.ask('editor', mlflowRequest(route, said))
    refused.push(`${status} ${route.method} ${route.url}`)
  }
  const { status } = await stage.ask('editor', {
    method: 'DELETE',
    url: `/api/v1/tracking-runs/${String(said['run_id'])}`,
  })

  assert.equal(status, 403)
  assert.deepEqual(
    refused.filter(line => !line.startsWith('403')),
    [],
  )
  assert.ok(refused.length >= 10, refused.join('\n'))
})
