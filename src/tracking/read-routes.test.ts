import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp, type App } from '#http'
import { TrainyardError } from '#kernel/error.ts'
import { testEngines } from '#storage/testing.ts'
import { experimentRoutes } from './experiment-routes.ts'
import { runRoutes } from './run-routes.ts'
import { openTracking, type TestTracking } from './testing.ts'

/** Who asks may read every experiment but those that are closed. */
async function open(t: TestContext): Promise<{ app: App; tracking: TestTracking; close(id: string): void }> {
  const tracking = await openTracking(t, testEngines()[0]!)
  const app = await createApp({ version: '0' })
  const closed = new Set<string>()
  const mayRead = async ({ id }: { id?: string }): Promise<boolean> => !closed.has(id ?? '')
  app.decorateRequest('mayRead', mayRead as never)
  app.decorateRequest('permit', async (_, asked) => {
    const thing = await asked
    if (!(await mayRead(thing))) throw new TrainyardError('forbidden', 'no')
    return thing
  })
  app.decorateRequest('granted', (async () => []) as never)
  experimentRoutes(app, tracking)
  runRoutes(app, tracking)
  await app.ready()
  t.after(() => app.close())
  return { app, tracking, close: id => void closed.add(id) }
}

const get = async <Answer = never>(app: App, url: string): Promise<{ status: number; body: Answer }> => {
  const answer = await app.inject({ url: `/api/v1${url}` })
  return { status: answer.statusCode, body: answer.json() }
}

test('experiments are listed by name, with counts, a page after the other', async t => {
  const { app, tracking } = await open(t)
  const { id } = await tracking.experiments.create({ name: 'rain/b' })
  await tracking.run(id, { startedAt: 4 })
  const first = await get<{ items: { name: string; project: string; runs: number }[]; next: string }>(
    app,
    '/experiments?limit=1',
  )
  const second = await get<typeof first.body>(app, `/experiments?limit=1&after=${first.body.next}`)
  assert.deepEqual(
    [first, second].flatMap(({ body }) => body.items.map(({ name, project, runs }) => [name, project, runs])),
    [
      ['Default', 'default', 0],
      ['rain/b', 'rain', 1],
    ],
  )
})

test('runs of an experiment are a table: filter, order, columns, count', async t => {
  const { app, tracking } = await open(t)
  const { id } = await tracking.experiments.create({ name: 'e' })
  for (const [name, loss] of [
    ['low', 0.1],
    ['nan', Number.NaN],
    ['high', 0.9],
  ] as const)
    await tracking.run(id, { name, metrics: { 'val/loss': loss }, params: { lr: '1' } })
  const asked = new URLSearchParams({
    filter: "params.lr = '1'",
    order: 'metrics.`val/loss` DESC',
    columns: 'metrics.val/loss',
    limit: '2',
  })
  const { body } = await get<{
    items: { name: string; metrics: object; params: object }[]
    count: number
    more: boolean
  }>(app, `/experiments/${id}/runs?${asked.toString()}`)
  assert.deepEqual(
    [body.items.map(({ name, metrics, params }) => [name, metrics, params]), body.count, body.more],
    [
      [
        ['high', { 'val/loss': 0.9 }, {}],
        ['low', { 'val/loss': 0.1 }, {}],
      ],
      3,
      false,
    ],
  )
})

test('what is wrong with a table of runs is said, with what is allowed', async t => {
  const { app } = await open(t)
  const asked = [
    '/experiments/0/runs?filter=lr%20=',
    '/experiments/0/runs?columns=loss',
    '/experiments/0/runs?order=nobody',
    '/experiments/77',
  ]
  const answers: number[] = []
  for (const url of asked) answers.push((await get(app, url)).status)
  assert.deepEqual(answers, [422, 422, 422, 404])
})

test('a run and a comparison have all that was logged; NaN is null', async t => {
  const { app, tracking } = await open(t)
  const { id } = await tracking.experiments.create({ name: 'e' })
  const run = await tracking.run(id, {
    name: 'one',
    metrics: { a: Number.NaN, b: 2 },
    params: { p: '1' },
    tags: { t: '2' },
  })
  const { body } = await get<Record<string, unknown>>(app, `/tracking-runs/${run}`)
  assert.deepEqual(
    [body['metrics'], body['params'], body['tags'], body['datasets']],
    [
      { a: { value: null, step: 0, at: 1 }, b: { value: 2, step: 0, at: 1 } },
      { p: '1' },
      { t: '2', 'mlflow.runName': 'one' },
      [],
    ],
  )
  const side = await get<{ items: unknown[] }>(app, `/run-comparison?runs=${run},${run}`)
  assert.deepEqual(side.body.items, [body])
  assert.equal((await get(app, `/run-comparison?runs=${run},${'f'.repeat(32)}`)).status, 404)
})

test('a history is reduced to buckets, counted from the start of its run when asked', async t => {
  const { app, tracking } = await open(t)
  const run = await tracking.run('0', { startedAt: 100 })
  const points = [1, 5, 2, Number.NaN].map((value, step) => ({ key: 'm', value, step, timestamp: 110 + 10 * step }))
  await tracking.log.add({ run, points })
  const whole = await get<{ items: object[] }>(app, `/metric-histories?runs=${run}&keys=m&axis=elapsed`)
  assert.deepEqual(whole.body.items, [
    {
      run,
      key: 'm',
      points: 4,
      at: [10, 20, 30, 40],
      low: [1, 5, 2, null],
      high: [1, 5, 2, null],
      last: [1, 5, 2, null],
    },
  ])
  const few = await get<{ items: object[] }>(app, `/metric-histories?runs=${run}&keys=m&buckets=2`)
  assert.deepEqual(few.body.items, [
    { run, key: 'm', points: 4, at: [1, 3], low: [1, 2], high: [5, 2], last: [5, null] },
  ])
  const part = await get<{ items: object[] }>(app, `/metric-histories?runs=${run}&keys=m&axis=elapsed&from=15&to=30`)
  assert.deepEqual(part.body.items, [
    { run, key: 'm', points: 2, at: [20, 30], low: [5, 2], high: [5, 2], last: [5, 2] },
  ])
})

test('more runs than a comparison holds are refused', async t => {
  const { app } = await open(t)
  const runs = Array.from({ length: 101 }, (_, index) => `r${index}`).join(',')
  assert.deepEqual(
    [
      (await get(app, `/run-comparison?runs=${runs}`)).status,
      (await get(app, `/metric-histories?runs=${runs}&keys=m`)).status,
    ],
    [422, 422],
  )
})

test('what the caller may not read is left out of the list, and refused wherever it is named', async t => {
  const { app, tracking, close } = await open(t)
  const { id } = await tracking.experiments.create({ name: 'closed' })
  const run = await tracking.run(id, { metrics: { m: 1 } })
  close(id)
  const { body } = await get<{ items: { name: string }[] }>(app, '/experiments')
  assert.deepEqual(
    body.items.map(({ name }) => name),
    ['Default'],
  )
  const asked = [
    `/experiments/${id}`,
    `/experiments/${id}/runs`,
    `/tracking-runs/${run}`,
    `/run-comparison?runs=${run}`,
    `/metric-histories?runs=${run}&keys=m`,
  ]
  const answers: number[] = []
  for (const url of asked) answers.push((await get(app, url)).status)
  assert.deepEqual(answers, [403, 403, 403, 403, 403])
})

test('runs are compared at a step: each metric as it was there, or last before', async t => {
  const { app, tracking } = await open(t)
  const one = await tracking.run('0', { metrics: {} })
  const points = [0, 3, 7, 5_000].map(step => ({ key: 'loss', value: 10 - step, step, timestamp: 1_000 + step }))
  const many = Array.from({ length: 9_000 }, (_, step) => ({ key: 'long', value: step, step, timestamp: step }))
  await tracking.log.add({ run: one, points: [...points, { key: 'nan', value: Number.NaN, step: 4, timestamp: 1 }] })
  await tracking.log.add({ run: one, points: many })
  const at = async (step: number): Promise<unknown> => {
    const { body } = await get<{ items: [{ metrics: Record<string, { value: number; step: number }> }] }>(
      app,
      `/run-comparison?runs=${one}&step=${step}`,
    )
    return Object.fromEntries(
      Object.entries(body.items[0].metrics).map(([key, { value, step: own }]) => [key, [value, own]]),
    )
  }
  assert.deepEqual(await Promise.all([at(-1), at(5), at(4_321), at(9_999)]), [
    {},
    { loss: [7, 3], nan: [null, 4], long: [5, 5] },
    { loss: [3, 7], nan: [null, 4], long: [4_321, 4_321] },
    { loss: [-4_990, 5_000], nan: [null, 4], long: [8_999, 8_999] },
  ])
})

test('runs are compared at a step beyond 2^53 to the last digit', async t => {
  const { app, tracking } = await open(t)
  const run = await tracking.run('0', { metrics: {} })
  const points = [1n, 3n].map(n => ({ key: 'wide', value: Number(n), step: 2n ** 53n + n, timestamp: 5 }))
  await tracking.log.add({ run, points })

  const { body } = await app.inject({ url: `/api/v1/run-comparison?runs=${run}&step=${2n ** 53n + 2n}` })

  assert.match(body, /"wide":\{"value":1,"step":9007199254740993,/)
})
