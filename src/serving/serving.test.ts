import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '#http'
import { newId } from '#kernel/id.ts'
import { servingRoutes } from './routes.ts'
import { fileHooks, inputs, makeBundle, openBench, windModel, type Bench } from './testing.ts'

// One model server for all tests of this file, and a deployment for each.
const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const at = async (deployment: string): Promise<Bench> => (await (opening ??= openBench(hooks))).at(deployment)

test('a deployment answers with its first revision, and everything about it is on record', async () => {
  const { deploy, blobs, events, lineage, serving, infer } = await at('first')
  const bundle = await makeBundle(blobs)

  const revision = await deploy(bundle, 10)

  const { id, version } = revision
  assert.deepEqual([revision.number, revision.state, revision.weight, revision.bundle], [1, 'live', 100, bundle])
  assert.equal((await infer(inputs([0, 0]))).body.parameters.revision, id)
  assert.deepEqual(await events(), [
    ['serving.traffic_changed', { deployment: 'first', weights: { [id]: 100 }, reason: 'test' }],
    ['serving.deployed', { deployment: 'first', model: 'rain', revision: id, version, weight: 100, isFirst: true }],
  ])
  assert.deepEqual(lineage, ['bundle', 'deployment_revision', 'rev serves mdv', 'rev runs bdl', 'bdl contains mdv'])
  const { url, state } = (await serving.deployments('rain'))[0]!
  assert.deepEqual([url, state], [`${serving.url()}/v2/models/first`, 'live'])
})

test('a canary takes its share, and ends as the live revision or with no traffic at all', async () => {
  const { deploy, blobs, serving, infer, get } = await at('canary')
  const first = await deploy(await makeBundle(blobs))
  const canary = await deploy(await makeBundle(blobs, { model: { ...windModel, intercept: 1 } }), 50)
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) seen.add((await infer(inputs([0, 0]))).body.parameters.revision)
  assert.deepEqual(seen, new Set([first.id, canary.id]))
  await serving.collect()
  const { guard } = await serving.deployment('canary')
  assert.deepEqual(
    [guard?.revision, guard!.requests + guard!.controlRequests, guard?.verdict, guard?.slowEvidence],
    [canary.id, 40, 'continue', 0],
  )
  const watched = async () => {
    await serving.collect()
    const { text } = await get('/metrics')
    return text.split('\n').flatMap(line => /^trainyard_serving_canary_(.*"canary".*)$/.exec(line)?.[1] ?? [])
  }
  const labels = `deployment="canary",revision="${canary.id}"`
  assert.deepEqual(await watched(), [
    `llr{${labels},guard="failures"} 0`,
    `llr{${labels},guard="slow"} 0`,
    `burn_rate{${labels}} 0`,
    `state{${labels},verdict="continue"} 1`,
    `state{${labels},verdict="reject"} 0`,
    `state{${labels},verdict="pass"} 0`,
  ])
  const shares = async () =>
    (await serving.deployment('canary')).revisions.map(({ number, state, weight }) => [number, state, weight])

  await serving.finishCanary('canary', { revision: canary.id, outcome: 'promote', actor: 'ada', reason: 'good' })
  await serving.finishCanary('canary', { revision: canary.id, outcome: 'promote', actor: 'ada', reason: 'good' })
  assert.deepEqual(await shares(), [
    [2, 'live', 100],
    [1, 'retired', 0],
  ])
  assert.equal((await infer(inputs([0, 0]))).body.model_version, '2')
  assert.equal((await serving.deployment('canary')).guard, undefined)
  assert.deepEqual(await watched(), [])

  await serving.rollback('canary', { actor: 'ada', reason: 'worse after all' })
  assert.deepEqual(await shares(), [
    [2, 'rolled_back', 0],
    [1, 'live', 100],
  ])
  assert.equal((await infer(inputs([0, 0]))).body.model_version, '1')
  const { traffic } = await serving.deployment('canary')
  assert.deepEqual(
    traffic.map(({ reason, weights }) => [reason, weights]),
    [
      ['worse after all', { [first.id]: 100 }],
      ['good', { [canary.id]: 100 }],
      ['test', { [first.id]: 50, [canary.id]: 50 }],
      ['test', { [first.id]: 100 }],
    ],
  )
})

test('a bundle that cannot be loaded changes nothing, and what answered goes on', async () => {
  const { deploy, blobs, serving, events, infer } = await at('unloadable')
  await deploy(await makeBundle(blobs))
  const before = [await serving.deployment('unloadable'), await events()]

  await assert.rejects(deploy(await makeBundle(blobs, { code: 'export const other = 1' })), {
    code: 'unavailable',
    message: /serving\/answer\.ts does not export a function named postprocess/,
  })
  await assert.rejects(deploy(await makeBundle(blobs, { code: 'export const postprocess = ' })), {
    code: 'unavailable',
  })

  assert.deepEqual([await serving.deployment('unloadable'), await events()], before)
  assert.equal((await infer(inputs([0, 0]))).status, 200)
})

test('deploying twice is deploying once, and a name belongs to one project', async () => {
  const { blobs, serving, events } = await at('twice')
  const request = {
    project: 'rain',
    deployment: 'twice',
    model: 'rain',
    version: { id: newId<'model_version'>('mdv'), version: 1 },
    bundle: await makeBundle(blobs),
    weight: 100,
    actor: 'ada',
    reason: 'test',
  }

  const [first, again] = [await serving.deploy(request), await serving.deploy(request)]

  assert.deepEqual(again, first)
  assert.equal((await events()).length, 2)
  await assert.rejects(serving.deploy({ ...request, project: 'other', version: { id: newId('mdv'), version: 1 } }), {
    code: 'conflict',
    message: 'The deployment twice belongs to the project rain.',
  })
})

test('every answered row is in the log with its features and outputs, and is found by id and by time', async () => {
  const { deploy, blobs, serving, infer, events } = await at('logged')
  const { id: revision, version } = await deploy(
    await makeBundle(blobs, {
      code: `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave') })`,
    }),
  )
  const day = Date.UTC(2015, 2, 1)
  const { body } = await infer({
    ...inputs([1, 0], [0, 1]),
    parameters: { entity: '["seattle","boston"]', event_time: '["2015-03-01","2015-03-02"]' },
  })
  const [one, two] = JSON.parse(body.parameters.prediction_id) as [string, string]

  const found = await serving.prediction(two)

  const { receivedAt, latencyMs, outputs, ...rest } = found
  assert.deepEqual(rest, {
    id: two,
    deployment: 'logged',
    revision,
    version,
    key: 'boston',
    eventTime: day + 86_400_000,
    features: { wind: 0, rain: 1 },
  })
  assert.deepEqual(outputs, { probability: body.outputs[0]!.data[1], advice: 'leave' })
  assert.deepEqual([Math.abs(receivedAt - Date.now()) < 10_000, latencyMs > 0], [true, true])
  const ids = async (query: object) =>
    (await serving.predictions({ deployment: 'logged', limit: 10, ...query })).items.map(({ id }) => id)
  assert.deepEqual(
    [await ids({}), await ids({ from: day, to: day + 1 }), await ids({ to: day })],
    [[two, one], [one], []],
  )
  assert.deepEqual((await events()).at(-1), [
    'serving.predictions_logged',
    { deployment: 'logged', count: 2, from: day, to: day + 86_400_000 },
  ])
  await assert.rejects(serving.prediction(newId('prd')), { code: 'not_found' })
})

test('what came last is listed first, whatever instant it is about', async () => {
  const { deploy, blobs, serving, infer } = await at('late')
  await deploy(await makeBundle(blobs))
  for (const [index, day] of [9, 2, 5, 1, 7].entries()) {
    await infer({ ...inputs([index, 0]), parameters: { event_time: day * 1_000 } })
    if (index % 2 === 1) await serving.collect()
  }
  await serving.collect()

  const winds: unknown[] = []
  let after: string | undefined
  do {
    const page = await serving.predictions({ deployment: 'late', order: 'arrival', limit: 2, after })
    winds.push(...page.items.map(({ features }) => features['wind']))
    after = page.next
  } while (after !== undefined)

  assert.deepEqual(winds, [4, 3, 2, 1, 0])
  const { next } = await serving.predictions({ deployment: 'late', limit: 2 })
  await assert.rejects(serving.predictions({ deployment: 'late', order: 'arrival', limit: 2, after: next }), {
    code: 'invalid',
  })
})

test('a list of predictions goes on after its cursor', async () => {
  const { deploy, blobs, serving, infer } = await at('paged')
  await deploy(await makeBundle(blobs))
  for (let day = 1; day <= 5; day++) {
    await infer({ ...inputs([day, 0]), parameters: { event_time: day * 1_000 } })
    if (day % 2 === 0) await serving.collect()
  }
  await serving.collect()

  const winds: unknown[] = []
  for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
    const page = await serving.predictions({ deployment: 'paged', limit: 2, after })
    winds.push(page.items.map(({ features }) => features['wind']))
    after = page.next
  }

  assert.deepEqual(winds, [[5, 4], [3, 2], [1]])
})

test('faults of the serving code are answered, counted and written down, and the guard sees them', async () => {
  const { deploy, blobs, serving, infer } = await at('faulty')
  await deploy(await makeBundle(blobs))
  const bad = await deploy(
    await makeBundle(blobs, { code: `export const postprocess = () => { throw new Error('no umbrella') }` }),
    50,
  )

  const answers = []
  for (let i = 0; i < 24; i++) answers.push(await infer(inputs([i, 0])))
  const forced = await infer(inputs([0, 0]), { headers: { 'x-trainyard-revision': bad.id } })
  await serving.collect()

  const failed = answers.filter(({ status }) => status === 500)
  assert.equal(failed[0]!.body.error, 'Revision 2 of faulty failed: no umbrella')
  const [canary, live] = (await serving.deployment('faulty')).revisions
  assert.deepEqual(
    [canary!.requests, canary!.errors, live!.requests, live!.errors, forced.status],
    [failed.length + 1, failed.length + 1, 24 - failed.length, 0, 500],
  )
  const { verdict, requests, errors, controlRequests, reason } = await serving.guard('faulty')
  assert.deepEqual(
    [verdict, requests, errors, controlRequests, reason],
    [
      'reject',
      failed.length,
      failed.length,
      24 - failed.length,
      `The last ${failed.length} requests to the canary failed.`,
    ],
  )
  const logged = (await serving.predictions({ deployment: 'faulty', limit: 100 })).items.filter(
    ({ error }) => error !== undefined,
  )
  assert.deepEqual([logged.length, logged[0]!.error, logged[0]!.outputs], [failed.length + 1, 'no umbrella', {}])
})

test('the routes answer deployments and predictions, and change traffic', async t => {
  const { deploy, blobs, serving, infer } = await at('routed')
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  servingRoutes(app, serving)
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1${url}`, ...(payload && { payload }) })
    return [reply.statusCode, reply.json()] as const
  }
  const [one, two] = [
    await deploy(await makeBundle(blobs)),
    await deploy(await makeBundle(blobs, { model: { ...windModel, intercept: 1 } }), 10),
  ]
  const { body } = await infer(inputs([0, 0]))
  const prediction = await serving.prediction(body.parameters.prediction_id)

  assert.deepEqual(await call('GET', `/predictions/${prediction.id}`), [200, prediction])
  assert.deepEqual(await call('GET', '/deployments/routed/predictions?limit=5&from=0'), [200, { items: [prediction] }])
  assert.deepEqual(await call('GET', '/projects/rain/deployments'), [200, { items: await serving.deployments('rain') }])
  const [status, detail] = await call('POST', '/deployments/routed/traffic', {
    weights: { [one.id]: 30, [two.id]: 70 },
    reason: 'trial',
  })
  assert.deepEqual([status, detail], [200, await serving.deployment('routed')])
  assert.deepEqual(
    detail.revisions.map(({ weight }: { weight: number }) => weight),
    [70, 30],
  )
  assert.deepEqual(
    (await call('POST', '/deployments/routed/traffic', { weights: { [one.id]: 30 }, reason: 'trial' }))[0],
    422,
  )
  assert.deepEqual(
    (await call('POST', '/deployments/routed/rollback', { reason: 'enough' }))[1].revisions.map(
      ({ state }: { state: string }) => state,
    ),
    ['rolled_back', 'live'],
  )
  assert.deepEqual((await call('GET', '/deployments/snow'))[0], 404)
})
