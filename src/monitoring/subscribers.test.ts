import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractBroken, contractKept } from '#data'
import { wallClock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import { deployed, trafficChanged } from '#serving'
import { sqlMonitoringStores } from './store.sql.ts'
import { provideMonitoring, subscribeMonitoring } from './subscribers.ts'
import { deployment, openStage, project } from './testing-stage.ts'
import { daysOf } from './testing.ts'

const violations = [
  { column: 'wind', rule: 'constant' as const, found: '-1 in 365 rows', allowed: 'values that vary', rows: 365 },
]

test('a deployment is watched because it was deployed, and follows its traffic', async t => {
  const { monitoring, outbox, db } = await openStage(t)
  subscribeMonitoring(outbox, monitoring)
  outbox.start()
  t.after(() => outbox.stop())
  const deploy = { deployment, model: 'rain', version: 'mdv_1' }

  await db.transaction().execute(async tx => {
    await outbox.emit(tx, deployed, { project, data: { ...deploy, revision: 'rev_1', weight: 100, isFirst: true } })
    await outbox.emit(tx, deployed, { project, data: { ...deploy, revision: 'rev_2', weight: 10, isFirst: false } })
  })
  await outbox.settled()
  const canary = await monitoring.monitors(project)
  await db.transaction().execute(tx =>
    outbox.emit(tx, trafficChanged, {
      project,
      data: { deployment, weights: { rev_1: 0, rev_2: 100 }, reason: 'promoted' },
    }),
  )
  await outbox.settled()

  const promoted = await monitoring.monitors(project)
  assert.deepEqual(
    [...canary, ...promoted].map(({ revision, state }) => [revision, state]),
    [
      ['rev_1', 'waiting'],
      ['rev_2', 'waiting'],
    ],
  )
})

test('truth that comes while a window is being judged is judged too', async t => {
  const { monitoring, outbox, db, serve } = await openStage(t)
  const days = daysOf({ key: 'Seattle', from: '2014-01-01', to: '2014-03-15', seed: 2 })
  await monitoring.create({ project, deployment, revision: 'rev_1', version: 'mdv_1', weight: 100 })
  const ids = await serve(days)
  const early = await monitoring.windows(deployment, { limit: 10 })
  // Its own event was handled before there was a judgement.
  const items = ids.map((prediction, day) => ({ prediction, value: days[day]!.label }))
  await db.transaction().execute(tx => sqlMonitoringStores(db).truths.record(tx, deployment, items, wallClock.now()))

  subscribeMonitoring(outbox, monitoring)
  outbox.start()
  t.after(() => outbox.stop())
  await outbox.settled()

  const late = await monitoring.windows(deployment, { limit: 10 })
  assert.deepEqual(
    [early, late].map(page => page.items.map(({ performance }) => performance?.realised !== undefined)),
    [[false], [true]],
  )
})

test('data that break their contract block retraining until they keep it', async t => {
  const { monitoring, outbox, db } = await openStage(t)
  subscribeMonitoring(outbox, monitoring)
  outbox.start()
  t.after(() => outbox.stop())

  await db
    .transaction()
    .execute(tx =>
      outbox.emit(tx, contractBroken, { project, data: { source: 'weather', version: newId('dsv'), violations } }),
    )
  await outbox.settled()
  const blocked = await monitoring.blocksRetraining(project)
  await db
    .transaction()
    .execute(tx => outbox.emit(tx, contractKept, { project, data: { source: 'weather', version: newId('dsv') } }))
  await outbox.settled()

  assert.deepEqual(
    [blocked?.title, await monitoring.blocksRetraining(project)],
    ['weather: the data breaks its contract in wind', undefined],
  )
})

test('the workflow engine is given the task that judges windows', async t => {
  const { monitoring } = await openStage(t)
  const provided: string[] = []

  provideMonitoring({ provide: name => void provided.push(name) }, monitoring)

  assert.deepEqual(provided, ['monitoring.evaluate'])
})
