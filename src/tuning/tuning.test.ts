import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp, type App } from '#http'
import { manualClock, type Clock } from '#kernel/clock.ts'
import { createLedger, metadataMigrations, sqlLedgerStore } from '#metadata'
import { createOutbox, outboxMigrations, type Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createTracking, loggedModelMigrations, sqlTrackingStores, trackingMigrations, type Tracking } from '#tracking'
import { tuningRoutes } from './routes.ts'
import { sqlTuningStore } from './store.sql.ts'
import { tuningMigrations } from './tables.ts'
import { createTuning } from './tuning.ts'
import type { AskAnswer, StudyWire, TellAnswer } from './wire.ts'
import type { z } from 'zod'

interface Bed {
  readonly app: App
  readonly db: Db
  readonly tracking: Tracking
  readonly clock: Clock & { advance(ms: number): void }
  events(): Promise<readonly { type: string; data: unknown }[]>
  /** Another process over the same tables. */
  again(): Promise<App>
}

const project = '/api/v1/projects/rain/studies'
const space = { x: { type: 'float', low: 0, high: 1 } }
const spec = { name: 'first', space, metric: 'loss', direction: 'minimise', trials: 4 }

async function openBed(t: TestContext, engine = testEngines()[0]!): Promise<Bed> {
  const db = await engine.open(t, [
    ...outboxMigrations,
    ...metadataMigrations,
    ...trackingMigrations,
    ...loggedModelMigrations,
    ...tuningMigrations,
  ])
  const clock = manualClock(1_000)
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const tracking = createTracking({ db, clock, ledger, stores: sqlTrackingStores(db), isProject: async () => true })
  const workflow = { runs: async () => ({ items: [] }), cancel: async () => assert.fail('There is no run.') }
  const again = async (): Promise<App> => {
    const app = await createApp({ version: '0' })
    app.addHook('onRequest', async request => void (request.actor = 'ann'))
    tuningRoutes(app, createTuning({ db, store: sqlTuningStore(db), tracking, outbox, clock, workflow }))
    t.after(() => app.close())
    return app
  }
  return {
    app: await again(),
    db,
    tracking,
    clock,
    again,
    events: async () => (await outbox.after(0, 100)).map(({ type, data }) => ({ type, data })),
  }
}

/** The body of an answer; the test fails on another status. */
async function send<Answer>(app: App, url: string, payload?: object, status = 200): Promise<Answer> {
  const answer = await app.inject(payload ? { method: 'POST', url, payload } : { url })
  assert.equal(answer.statusCode, status, answer.body)
  return answer.json<Answer>()
}

type Asked = z.output<typeof AskAnswer>
type Told = z.output<typeof TellAnswer>
type Study = z.output<typeof StudyWire>

const begin = (app: App, more: object = {}): Promise<Study> => send(app, project, { ...spec, ...more }, 201)
const ask = async (app: App, more: object = {}): Promise<Asked['trials']> =>
  (await send<Asked>(app, `${project}/first/trials`, more)).trials
const tell = (app: App, number: number, body: object, status = 200): Promise<Told> =>
  send(app, `${project}/first/trials/${number}`, body, status)

test('a study ends with its last trial, and says what was best and why it ended', async t => {
  const { app, events, tracking } = await openBed(t)
  const { tracking: parent } = await begin(app, { direction: 'maximise' })

  for (const value of [3, 9, 5]) await tell(app, (await ask(app))[0]!.number, { value })
  await ask(app)
  const { study } = await tell(app, 3, { state: 'failed', error: 'It broke.' })

  const { state, criterion, best, trials } = study
  assert.deepEqual(
    { state, criterion, best: { ...best, params: undefined }, trials },
    {
      state: 'ended',
      criterion: 'trials',
      best: { number: 1, value: 9, params: undefined },
      trials: { running: 0, complete: 3, pruned: 0, failed: 1 },
    },
  )
  assert.deepEqual(await ask(app), [])
  assert.deepEqual(
    (await events()).map(({ type, data }) => [type, (data as { best?: object }).best]),
    [
      ['tuning.study_started', undefined],
      ['tuning.study_ended', { number: 1, value: 9 }],
    ],
  )
  assert.equal((await tracking.runs.get(parent)).status, 'FINISHED')
})

test('trials are tracking runs below the one of the study, with their parameters and metrics', async t => {
  const { app, tracking } = await openBed(t)
  const study = await begin(app)
  const [trial] = await ask(app)
  for (const step of [1, 2]) await send(app, `${project}/first/trials/0/report`, { step, value: 1 / step })
  await tell(app, 0, {})

  const { params, tags, metrics } = await tracking.runs.document(trial!.tracking!)
  const { status, experimentId } = await tracking.runs.get(trial!.tracking!)
  const { items } = await tracking.history.points(trial!.tracking!, 'loss', { limit: 10 })

  const parent = (JSON.parse(tags) as { key: string; value: string }[]).find(({ key }) => key === 'mlflow.parentRunId')
  assert.deepEqual(
    { parent: parent?.value, status, points: items.map(({ step, value }) => [step, value]) },
    {
      parent: study.tracking,
      status: 'FINISHED',
      points: [
        [1, 1],
        [2, 0.5],
      ],
    },
  )
  assert.deepEqual(JSON.parse(params), [{ key: 'x', value: JSON.stringify(trial!.params['x']) }])
  assert.match(metrics, /0\.5/)
  assert.equal((await tracking.runs.get(study.tracking)).experimentId, experimentId)
})

test('the same ask and the same tell change nothing the second time, whichever process is asked', async t => {
  const { app, again } = await openBed(t)
  await begin(app)

  const first = await ask(app, { key: 'worker-1', count: 2 })
  const second = await ask(await again(), { key: 'worker-1', count: 2 })
  const told = [await tell(app, 0, { value: 1 }), await tell(await again(), 0, { value: 1 })]

  assert.deepEqual(second, first)
  assert.deepEqual(
    first.map(({ number }) => number),
    [0, 1],
  )
  assert.deepEqual(told[1], told[0])
  await tell(app, 0, { value: 2 }, 409)
  await tell(app, 0, { state: 'failed' }, 409)
})

test('another process goes on with the very trials that the first one would have given', async t => {
  const runs = await Promise.all(
    [false, true].map(async isRestarted => {
      const { app, again } = await openBed(t)
      await begin(app, { trials: 30 })
      for (let number = 0; number < 30; number++) {
        const now = isRestarted ? await again() : app
        const [trial] = await ask(now)
        await tell(now, number, { value: Math.abs((trial!.params['x'] as number) - 0.3) })
      }
      return (await send<{ items: { params: object }[] }>(app, `${project}/first/trials`)).items.map(
        ({ params }) => params,
      )
    }),
  )

  assert.deepEqual(runs[1], runs[0])
})

test('a trial of which nothing is heard goes to somebody else, and who had it is told so', async t => {
  const { app, clock } = await openBed(t)
  await begin(app, { lease: '10m' })
  const [lost] = await ask(app)
  const [kept] = await ask(app)
  clock.advance(9 * 60_000)
  await send(app, `${project}/first/trials/${kept!.number}/renew`, { attempt: 1 })
  clock.advance(60_000)

  const given = await ask(app, { count: 2 })

  assert.deepEqual(
    given.map(({ number, attempt, params }) => [number, attempt, params]),
    [
      [lost!.number, 2, lost!.params],
      [2, 1, given[1]!.params],
    ],
  )
  const late = await app.inject({
    method: 'POST',
    url: `${project}/first/trials/0`,
    payload: { value: 1, attempt: 1 },
  })
  assert.equal(late.statusCode, 409)
  assert.match(late.body, /given to somebody else/)
  await tell(app, 0, { value: 1, attempt: 2 })
})

test('a report says when a trial should stop', async t => {
  const { app } = await openBed(t)
  await begin(app, { pruner: { type: 'median', startup: 2 }, trials: 10 })
  const report = (number: number, value: number, step = 1): Promise<{ stop: boolean; reason?: string }> =>
    send(app, `${project}/first/trials/${number}/report`, { step, value })
  await ask(app, { count: 4 })
  const answers = [await report(0, 1), await report(1, 2)]
  await tell(app, 0, { value: 1 })
  await tell(app, 1, { value: 2 })

  answers.push(await report(2, 1.5), await report(3, 1.6), await report(3, 1.6))
  const { trial } = await tell(app, 3, { state: 'pruned' })

  assert.deepEqual(
    answers.map(({ stop }) => stop),
    [false, false, false, true, true],
  )
  assert.match(answers[3]!.reason!, /behind the median of 2 trials/)
  assert.deepEqual([trial.state, trial.value], ['pruned', 1.6])
  const other = await app.inject({
    method: 'POST',
    url: `${project}/first/trials/2/report`,
    payload: { step: 1, value: 9 },
  })
  assert.equal(other.statusCode, 409)
})

test('patience, time, a finished grid and somebody’s word end a study too', async t => {
  const { app, clock } = await openBed(t)
  const endOf = async (more: object, trials: readonly number[], waitMs = 0): Promise<string | undefined> => {
    const name = `study-${Object.keys(more)[0]}`
    await begin(app, { ...more, name })
    for (const value of trials) {
      const { trials: given } = await send<Asked>(app, `${project}/${name}/trials`, {})
      if (given[0]) await send(app, `${project}/${name}/trials/${given[0].number}`, { value })
    }
    clock.advance(waitMs)
    return (await send<Asked>(app, `${project}/${name}/trials`, {})).study.criterion
  }
  const ended = [
    await endOf({ patience: 2, trials: 50 }, [3, 1, 4, 5]),
    await endOf({ time: '1h', trials: 50 }, [3], 3_600_000),
    await endOf({ sampler: { type: 'grid', points: 2 }, trials: 50 }, [3, 4]),
    await endOf({ trials: 50 }, [3]),
  ]
  const { criterion } = await send<Study>(app, `${project}/study-trials/cancel`, {})

  assert.deepEqual([...ended, criterion], ['patience', 'time', 'space', undefined, 'cancelled'])
})

test('the same study again is the one that is there; another under its name is refused', async t => {
  const { app } = await openBed(t)

  const studies = [await begin(app), await begin(app)]
  const other = await app.inject({ method: 'POST', url: project, payload: { ...spec, seed: 4 } })

  assert.deepEqual(studies[1], studies[0])
  assert.equal(other.statusCode, 409)
  const { items } = await send<{ items: Study[] }>(app, project)
  assert.deepEqual(items, [studies[0]])
})

test('what cannot be is refused, with the field and what is allowed', async t => {
  const { app } = await openBed(t)
  await begin(app)
  await ask(app)
  const cases: readonly (readonly [url: string, body: object, status: number, says: RegExp])[] = [
    ['', { ...spec, directoin: 'x' }, 422, /directoin.*did you mean direction/],
    ['', { ...spec, direction: 'minimize' }, 422, /direction.*minimise, maximise/],
    ['', { ...spec, space: { x: { type: 'float', low: 1, high: 0 } } }, 422, /space\.x\.high.*at least low/],
    ['', { ...spec, sampler: { type: 'tpee' } }, 422, /sampler\.type/],
    ['', { ...spec, metric: 'loss%' }, 422, /metric.*letters, digits/],
    ['', { ...spec, pruner: { type: 'hyperband' } }, 422, /pruner\.most.*required/],
    ['/other/trials', {}, 404, /There is no study rain\/other/],
    ['/first/trials/7', { value: 1 }, 404, /There is no trial rain\/first\/7/],
    ['/first/trials/7/report', { value: 1, step: 1 }, 404, /There is no trial/],
    ['/first/trials/0', {}, 422, /A complete trial has a value/],
    ['/first/trials/0', { state: 'done' }, 422, /state/],
    ['/first/trials', { count: 101 }, 422, /count/],
  ]

  for (const [url, payload, status, says] of cases) {
    const answer = await app.inject({ method: 'POST', url: `${project}${url}`, payload })
    assert.equal(answer.statusCode, status, `${url} ${answer.body}`)
    assert.match(answer.body, says)
  }
})

for (const engine of testEngines())
  test(`${engine.name}: workers that ask and tell at the same time get each trial once`, async t => {
    const { app, again } = await openBed(t, engine)
    await begin(app, { trials: 24 })
    const apps = [app, await again()]
    const worker = async (index: number): Promise<void> => {
      for (;;) {
        const own = apps[index % 2]!
        const [trial] = await ask(own, { key: `w${index}-${Math.random()}` })
        if (!trial) return
        await tell(own, trial.number, { value: trial.number })
      }
    }

    await Promise.all([0, 1, 2, 3].map(worker))

    const { trials, criterion, best } = await send<Study>(app, `${project}/first`)
    assert.deepEqual(
      { trials, criterion, best: best?.number },
      { trials: { running: 0, complete: 24, pruned: 0, failed: 0 }, criterion: 'trials', best: 0 },
    )
  })
