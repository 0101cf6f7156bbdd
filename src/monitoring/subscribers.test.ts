import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractBroken, contractKept } from '#data'
import { newId } from '#kernel/id.ts'
import { deployed, trafficChanged } from '#serving'
import { provideMonitoring, subscribeMonitoring } from './subscribers.ts'
import { deployment, openStage, project } from './testing-stage.ts'

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
