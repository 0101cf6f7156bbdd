import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { workflowRoutes } from './routes.ts'
import { inProcess, objective, openBed, until } from './testing.ts'

const dayMs = 86_400_000
const from = '2026-01-01T00:00:00Z'
const iso = (date: string): string => `${date}T06:00:00.000Z`

interface Seen {
  readonly id: string
  readonly endedAt?: number
  readonly looked: number
  readonly kept: number
  readonly runs: Readonly<Record<string, number>>
}

/** A pipeline with a daily schedule; its task notes the day that it is for, and fails for the days in `bad`. */
async function open(t: TestContext) {
  const calls: string[] = []
  const bad = new Set<string>()
  const gate = { isShut: false }
  let [now, most] = [0, 0]
  const executor = inProcess(async ({ params, signal }) => {
    most = Math.max(most, (now += 1))
    const day = params['day'] as string
    calls.push(day)
    await until(() => !gate.isShut || signal.aborted)
    now -= 1
    signal.throwIfAborted()
    if (bad.has(day)) throw new Error('No rain.')
    return { outputs: {}, metrics: [], facts: {} }
  })
  const clock = manualClock(Date.parse(from) + 10 * dayMs)
  const bed = await openBed(t, { executor, clock, deps: { parallelTasks: 8 } })
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  t.after(() => bed.outbox.stop())
  workflowRoutes(app, bed.workflow, () => 'editor')
  const tasks = { a: { run: 'true', params: { day: '' } } }
  const triggers = [{ on: 'schedule', cron: '0 6 * * *', missed: 'skip' }]
  const pipelines = { daily: { instant: 'day', overlap: 'skip', maxActive: 5, triggers, tasks }, byHand: { tasks } }
  await bed.projects.apply({
    spec: { name: 'rain', objective, pipelines: { daily: pipelines.daily, 'by-hand': pipelines.byHand } },
    actor: 'ann',
  })
  bed.outbox.start()
  await bed.outbox.settled()
  const call = async (method: 'GET' | 'POST', path: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1/projects/rain${path}`, ...(payload && { payload }) })
    return { status: reply.statusCode, body: reply.json() }
  }
  const start = async (body: object): Promise<Seen> => (await call('POST', '/pipelines/daily/backfills', body)).body
  const see = async (id: string): Promise<Seen> => (await call('GET', `/backfills/${id}`)).body
  const ended = async ({ id }: Seen): Promise<Seen> => {
    await until(async () => (await see(id)).endedAt !== undefined)
    return see(id)
  }
  return { ...bed, call, start, see, ended, calls, bad, gate, most: () => most }
}

test('each past instant gets one run, in order and so many at a time; what there is stays, unless it is asked for again', async t => {
  const { call, start, ended, calls, bad, most } = await open(t)
  bad.add(iso('2026-01-02'))
  const range = { from, to: '2026-01-04T23:00:00Z' }

  const planned = (await call('POST', '/pipelines/daily/backfills/plan', range)).body
  const first = await ended(await start(range))
  const same = await ended(await start({ ...range, concurrency: 3 }))
  const atFirst = calls.splice(0)
  bad.clear()
  const failed = await ended(await start({ ...range, again: 'failed' }))
  const atFailed = calls.splice(0)
  const all = await ended(await start({ ...range, again: 'all', order: 'newest' }))

  const days = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04'].map(iso)
  assert.deepEqual(
    {
      planned: planned.items,
      first: [first.looked, first.kept, first.runs],
      same: [same.looked, same.kept, same.runs],
      atFirst,
      failed: [failed.kept, failed.runs, atFailed],
      all: [all.kept, all.runs, calls],
      most: most(),
    },
    {
      planned: days.map(instant => ({ instant: Date.parse(instant), isRun: true })),
      first: [4, 0, { failed: 1, succeeded: 3 }],
      same: [4, 4, {}],
      atFirst: days,
      failed: [3, { succeeded: 1 }, [days[1]]],
      all: [0, { succeeded: 4 }, days.toReversed()],
      most: 1,
    },
  )
})

test('a back-fill that is cancelled begins nothing more, and what it has begun ends', async t => {
  const { call, start, see, ended, gate, calls } = await open(t)
  gate.isShut = true
  const begun = await start({ from, to: '2026-01-09T00:00:00Z', concurrency: 2 })
  await until(() => calls.length === 2)

  const before = await see(begun.id)
  await call('POST', `/backfills/${begun.id}/cancel`)
  const after = await ended(begun)

  assert.deepEqual(
    [before.runs, after.runs, after.looked, (await call('POST', `/backfills/${begun.id}/cancel`)).status],
    [{ running: 2 }, { cancelled: 2 }, 2, 409],
  )
})

test('a back-fill that cannot be is refused with what is allowed', async t => {
  const { call } = await open(t)
  const refused = async (pipeline: string, body: object) => {
    const { status, body: answer } = await call('POST', `/pipelines/${pipeline}/backfills`, body)
    return [status, answer.problems?.[0]?.field, answer.problems?.[0]?.allowed]
  }

  assert.deepEqual(
    [
      await refused('daily', { from: '2027-01-01T00:00:00Z', to: '2028-01-01T00:00:00Z' }),
      await refused('daily', { from, to: from, trigger: 'hourly' }),
      await refused('by-hand', { from, to: from }),
      (await refused('daily', { from: 'yesterday', to: from }))[0],
      (await refused('nightly', { from, to: from }))[0],
    ],
    [
      [422, 'from, to', '1 to 10000 past instants of schedule'],
      [422, 'trigger', 'schedule'],
      [422, 'trigger', 'a pipeline with a schedule, an interval or a calendar'],
      422,
      404,
    ],
  )
})
