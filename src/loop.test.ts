import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { loadProjectFolder, parseProjectFile } from '#project'
import type { Handler } from '#storage'
import { closeLoop } from './loop.ts'

/** The loop over the rain example, with what it asks of components written down. */
interface Given {
  readonly promotion?: string
  readonly stage?: string
  /** Whether the project has a project file. */
  readonly isDeclared?: boolean
}

async function open({ promotion = 'automatic', stage = 'staging', isDeclared = true }: Given = {}) {
  const spec = parseProjectFile(await loadProjectFolder('examples/rain'))
  const rain = { ...spec, models: { rain: { ...spec.models['rain'], promotion } } }
  const did: unknown[] = []
  const handlers: Handler[] = []
  const bench = {
    did,
    /** The contract incident that blocks retraining. */
    blocked: undefined as object | undefined,
    /** Approvals that a version still needs. */
    missing: [] as string[],
    /** Announces an event as the event table would. */
    async tell(type: string, data: object): Promise<void> {
      const event = { seq: 7, type, at: 0 as Millis, project: 'rain', actor: 'trainyard', data }
      for (const handler of handlers) if (handler.type === type) await handler.handle(event as never)
    },
  }
  closeLoop({
    outbox: { subscribe: (_: string, given: readonly Handler[]) => void handlers.push(...given) } as never,
    projects: { find: async () => (isDeclared ? { spec: rain } : undefined) as never },
    workflow: {
      start: async ({ pipeline, tasks, key }) => {
        did.push({ start: pipeline, key, ...(tasks && { tasks: Object.keys(tasks).toSorted() }) })
        return { id: 'run_1' } as never
      },
    },
    registry: {
      version: async () => ({ stage }) as never,
      transition: async (id, { to }) => void did.push({ move: id, to }) as never,
    },
    assurance: { approvals: async () => ({ required: bench.missing.length, approvals: [], missing: bench.missing }) },
    monitoring: {
      blocksRetraining: async () => bench.blocked as never,
      attachRun: async (item, run) => void did.push({ item, run }),
      openFeedback: async () =>
        [{ id: 'fbk_1', incident: 'inc_1', model: 'rain', title: 'rain: performance is lost' }] as never,
    },
  })
  return bench
}

const lost = { deployment: 'rain', model: 'rain', window: 'win_1', incident: 'inc_1', item: 'fbk_1', z: 6.5 }
const retraining = [
  { start: 'training', key: 'loop/retraining/fbk_1' },
  { item: 'fbk_1', run: 'run_1' },
]

test('drift alone has the champion judged on the newest rows, and trains nothing', async () => {
  const loop = await open()

  await loop.tell('monitoring.drift_found', {
    deployment: 'rain',
    model: 'rain',
    window: 'win_1',
    features: ['wind'],
    item: 'fbk_1',
  })

  const tasks = ['champion', 'evaluate', 'features', 'ingest', 'split', 'training-set', 'validate']
  assert.deepEqual(loop.did, [
    { start: 'evaluation', key: 'loop/evaluation/7', tasks },
    { item: 'fbk_1', run: 'run_1' },
  ])
})

test('a confirmed loss of performance starts a training, under one key however often it is told', async () => {
  const loop = await open()

  await loop.tell('monitoring.performance_lost', lost)

  assert.deepEqual(loop.did, retraining)
})

test('no training starts on broken data; it starts once the data are whole again', async () => {
  const loop = await open()
  loop.blocked = { id: 'inc_2' }
  await loop.tell('monitoring.performance_lost', lost)
  const before = [...loop.did]

  loop.blocked = undefined
  await loop.tell('monitoring.incident_resolved', { incident: 'inc_2', kind: 'contract', resolution: 'kept' })

  assert.deepEqual([before, loop.did], [[], retraining])
})

test('a loss in a model that the project declares no longer starts nothing', async () => {
  const loop = await open()

  await loop.tell('monitoring.performance_lost', { ...lost, model: 'snow' })

  assert.deepEqual(loop.did, [])
})

const registered = { model: 'rain', version: 'mdv_1', number: 2, stage: 'staging', passed: true }
for (const { what, options, event, did } of [
  {
    what: 'that passed its gate goes to production where the project says so',
    options: {},
    event: {},
    did: [{ move: 'mdv_1', to: 'production' }],
  },
  {
    what: 'waits for a person where the project asks for approval',
    options: { promotion: 'approval' },
    event: {},
    did: [],
  },
  { what: 'that did not pass its gate goes nowhere', options: {}, event: { passed: false }, did: [] },
  { what: 'that was moved meanwhile is left where it is', options: { stage: 'production' }, event: {}, did: [] },
]) {
  test(`a version ${what}`, async () => {
    const loop = await open(options)

    await loop.tell('registry.version_registered', { ...registered, ...event })

    assert.deepEqual(loop.did, did)
  })
}

test('nothing follows in a project without a project file, and nothing fails', async () => {
  const loop = await open({ isDeclared: false })

  await loop.tell('registry.version_registered', registered)
  await loop.tell('monitoring.performance_lost', lost)
  await loop.tell('monitoring.drift_found', { ...lost, features: ['wind'] })

  assert.deepEqual(loop.did, [])
})

test('a version that needs approvals goes to production with the last of them', async () => {
  const loop = await open()
  const judged = { model: 'rain', version: 'mdv_1', number: 2, verdict: 'approve', reason: 'seen' }

  loop.missing = ['1 more approval by admin']
  await loop.tell('registry.version_registered', registered)
  await loop.tell('assurance.version_judged', { ...judged, complete: false })
  const before = [...loop.did]
  loop.missing = []
  await loop.tell('assurance.version_judged', { ...judged, complete: true })

  assert.deepEqual([before, loop.did], [[], [{ move: 'mdv_1', to: 'production' }]])
})
