import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { createOutbox, fsBlobs, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { logisticOnnx } from './logistic-onnx.ts'
import type { ModelVersion, Stage } from './model-version.ts'
import { createOnnx } from './onnx.ts'
import { createProductionRule } from './production.ts'
import { createRegisteredModels } from './registered-models.ts'
import { createRegistry } from './registry.ts'
import { registryRoutes } from './routes.ts'
import { sqlModelStore } from './store.sql.ts'
import { registryMigrations } from './tables.ts'
import { evaluationThat, versionDraft } from './testing.ts'

const [sqlite] = testEngines()
const ids = { evaluation: 'evl_1', task: 'tsk_1' }

async function open(t: TestContext) {
  const db = await sqlite!.open(t, [...outboxMigrations, ...registryMigrations])
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  const clock = manualClock(1_000)
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const written: unknown[] = []
  const link = async (_: unknown, edge: { from: string; relation: string; to: string }): Promise<void> =>
    void written.push(`${edge.from.slice(0, 3)} ${edge.relation} ${edge.to.slice(0, 3)}`)
  const ledger = {
    record: async (_: unknown, node: { id: string; kind: string }) => void written.push(node.kind),
    link,
    linkFirst: link,
  }
  const [blobs, onnx] = [fsBlobs(folder), createOnnx()]
  t.after(async () => {
    onnx.stop()
    await rm(folder, { recursive: true })
  })
  const projects = { find: async () => undefined }
  const production = createProductionRule(projects)
  const isProject = async () => false
  const common = { db, outbox, ledger, projects, isProject, production, blobs, clock }
  const parts = { ...common, store: sqlModelStore(db), onnx }
  const [registry, registeredModels] = [
    createRegistry(parts),
    createRegisteredModels({ ...parts, isProject: async () => false }),
  ]
  const register = (change: Parameters<typeof versionDraft>[0] = {}) => registry.register(versionDraft(change), ids)
  const events = async () => (await outbox.after(0, 100)).map(({ type, data }) => [type, data] as const)
  return { registry, registeredModels, register, events, written, blobs, clock }
}

test('a version whose gate passed is staged, one whose gate failed is rejected, and both are on record', async t => {
  const { register, events, written } = await open(t)

  const good = await register({ trainingSet: 'trs_1' })
  const bad = await register({ evaluation: evaluationThat(false) })

  assert.deepEqual([good.version, good.stage, bad.version, bad.stage], [1, 'staging', 2, 'rejected'])
  assert.deepEqual(
    good.transitions.map(({ from, to, reason }) => [from, to, reason]),
    [['candidate', 'staging', 'The gate passed.']],
  )
  const about = ({ id, source }: ModelVersion) => ({
    model: 'rain',
    fullName: 'rain.rain',
    version: id,
    source,
    prompt: false,
    description: '',
    tags: {},
  })
  assert.deepEqual(await events(), [
    ['registry.version_registered', { ...about(good), number: 1, stage: 'staging', passed: true }],
    ['registry.version_registered', { ...about(bad), number: 2, stage: 'rejected', passed: false }],
  ])
  assert.deepEqual(written.slice(0, 4), [
    'model_version',
    'mdv evaluated_by evl',
    'mdv made_by tsk',
    'mdv trained_on trs',
  ])
})

test('registering twice under one key is registering once', async t => {
  const { registry, register, events } = await open(t)

  const [first, again] = [await register({ key: 'run/register' }), await register({ key: 'run/register' })]

  assert.deepEqual(again, first)
  assert.deepEqual(
    [(await registry.versions('rain', 'rain', { limit: 9 })).items.length, (await events()).length],
    [1, 1],
  )
})

test('a promotion archives the former champion, and says who did it and why', async t => {
  const { registry, register, events, written } = await open(t)
  const [one, two] = [await register(), await register()]
  await registry.transition(one.id, { to: 'production', actor: 'ada', reason: 'first' })

  const champion = await registry.transition(two.id, { to: 'production', actor: 'ben', reason: 'better' })

  const former = await registry.version(one.id)
  assert.deepEqual(
    [champion.stage, former.stage, (await registry.champion('rain', 'rain'))?.id],
    ['production', 'archived', two.id],
  )
  assert.deepEqual(former.transitions.at(-1)?.reason, 'Version 2 takes its place.')
  const { id, ...transition } = champion.transitions.at(-1)!
  const { digest } = two
  assert.deepEqual(transition, { from: 'staging', to: 'production', actor: 'ben', reason: 'better', digest, at: 1_000 })
  assert.deepEqual((await events()).at(-2), [
    'registry.stage_changed',
    {
      model: 'rain',
      version: two.id,
      number: 2,
      from: 'staging',
      to: 'production',
      reason: 'better',
      transition: id,
      digest,
    },
  ])
  assert.deepEqual(written.slice(-2), ['promotion', 'prm promoted mdv'])
})

test('rolling back brings an archived champion to production again', async t => {
  const { registry, register } = await open(t)
  const [one, two] = [await register(), await register()]
  for (const { id } of [one, two]) await registry.transition(id, { to: 'production', actor: 'ada', reason: 'next' })

  await registry.transition(one.id, { to: 'production', actor: 'ada', reason: 'back' })

  const said = ({ stage, aliases }: ModelVersion) => [stage, aliases]
  assert.deepEqual(
    [said(await registry.version(one.id)), said(await registry.version(two.id))],
    [
      ['production', ['champion']],
      ['archived', []],
    ],
  )
})

test('the alias champion follows what is in production, on record with who and why, and ends with it', async t => {
  const { registry, register, events } = await open(t)
  const [one, two] = [await register(), await register()]
  for (const [id, reason] of [
    [one.id, 'first'],
    [two.id, 'better'],
  ] as const)
    await registry.transition(id, { to: 'production', actor: 'ada', reason })
  await registry.transition(two.id, { to: 'archived', actor: 'ben', reason: 'all wrong' })

  const { items } = await registry.aliasMoves('rain', 'rain', { limit: 9 })
  assert.deepEqual(
    items.map(({ alias, from, to, actor, reason, digest }) => [alias, from, to, actor, reason, digest]),
    [
      ['champion', 2, undefined, 'ben', 'all wrong', undefined],
      ['champion', 1, 2, 'ada', 'better', two.digest],
      ['champion', undefined, 1, 'ada', 'first', one.digest],
    ],
  )
  assert.equal((await events()).filter(([type]) => type === 'registry.alias_moved').length, 3)
  assert.deepEqual((await registry.version(two.id)).aliases, [])
})

test('racing promotions leave one version in production', async t => {
  const { registry, register } = await open(t)
  const versions = [await register(), await register(), await register()]

  await Promise.all(
    versions.map(({ id }) => registry.transition(id, { to: 'production', actor: 'ada', reason: 'race' })),
  )

  const stages = await Promise.all(versions.map(async ({ id }) => (await registry.version(id)).stage))
  assert.deepEqual(stages.toSorted(), ['archived', 'archived', 'production'])
})

test('without a passed gate there is no way to production', async t => {
  const { registry, register } = await open(t)
  const { id } = await register({ evaluation: evaluationThat(false) })
  const to = (stage: Stage) => registry.transition(id, { to: stage, actor: 'ada', reason: 'please' })

  await assert.rejects(to('production'), {
    code: 'conflict',
    message: 'Version 1 of rain is in rejected and cannot move to production. Its gate failed: threshold.',
  })
  await to('archived')
  await assert.rejects(to('production'), { code: 'conflict' })
  await assert.rejects(to('staging'), { code: 'conflict' })
})

test('a version scores rows outside of any deployment, and a missing feature is named', async t => {
  const { registry, register, blobs } = await open(t)
  const { digest } = await blobs.put(logisticOnnx({ weights: { wind: 1 }, intercept: 0 }))
  const { id } = await register({ digest })

  assert.deepEqual(await registry.score(id, [{ wind: 0 }, { wind: 0, other: 1 }]), {
    outputs: { probability: [0.5, 0.5] },
  })
  await assert.rejects(registry.score(id, [{ wind: 0 }, {}]), {
    code: 'invalid',
    message: /row 2, feature wind = null: a finite number/,
  })
  await assert.rejects(registry.score('mdv_none', [{}]), { code: 'not_found' })
})

test('the routes answer models, versions and transitions, and refuse what is not a stage', async t => {
  const { registry, registeredModels, register } = await open(t)
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  registryRoutes(app, { registry, registeredModels })
  const { id } = await register()
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1${url}`, ...(payload && { payload }) })
    return [reply.statusCode, reply.json()] as const
  }

  const words = { fullName: 'rain.rain', description: '', gated: true, tags: {}, aliases: { champion: 1 } }
  const model = { project: 'rain', name: 'rain', ...words }
  const [status, moved] = await call('POST', `/model-versions/${id}/transitions`, { to: 'production', reason: 'good' })
  const version = await registry.version(id)

  assert.deepEqual([status, moved], [200, version])
  assert.deepEqual(await call('GET', `/model-versions/${id}`), [200, version])
  assert.deepEqual(await call('GET', '/projects/rain/models/rain/versions'), [200, { items: [version] }])
  assert.deepEqual(await call('GET', '/projects/rain/models'), [
    200,
    { items: [{ ...model, versions: 1, champion: version, latest: version }] },
  ])
  assert.deepEqual((await call('POST', `/model-versions/${id}/transitions`, { to: 'live', reason: 'x' }))[0], 422)
  assert.deepEqual((await call('GET', '/model-versions/mdv_x'))[0], 422)
})
