import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { manualClock } from '#kernel/clock.ts'
import { defineEvent } from '#kernel/event.ts'
import { canonicalJson } from '#kernel/json.ts'
import { fsBlobs } from '#storage'
import { openBed, until, type TestBed } from './testing.ts'

const hour = 3_600_000
const arrived = defineEvent('data.arrived', z.object({ source: z.string(), digest: z.string() }))
const versionAdded = defineEvent('data.version_added', z.object({ source: z.string() }))
const pushed = defineEvent('source.pushed', z.object({ branch: z.string(), before: z.string(), after: z.string() }))
const drifted = defineEvent('monitoring.drift_found', z.object({ model: z.string() }))

const objective = {
  goal: 'Dry feet.',
  kpi: 'Wet feet.',
  task: 'binary_classification',
  target: 'rain',
  metric: 'brier',
  threshold: 0.25,
  owners: {},
}
const tasks = { a: { run: 'true' } }
const pipelines = {
  hourly: { triggers: [{ on: 'schedule', cron: '0 * * * *' }], tasks },
  refresh: { triggers: [{ on: 'data', source: 'weather' }], tasks },
  build: { triggers: [{ on: 'push' }], tasks },
  react: { triggers: [{ on: 'event', type: 'monitoring.drift_found', where: { model: ['rain', 'snow'] } }], tasks },
  both: { triggers: [{ on: 'dataset', sources: ['weather', 'other'], match: 'all' }], tasks },
  branch: { triggers: [{ on: 'push', branch: 'release/*', paths: ['train.py'] }], tasks },
  timely: { deadline: '2h', freshness: '26h', triggers: [], tasks },
  nightly: {
    instant: 'day',
    triggers: [{ on: 'schedule', cron: '0 0 * * *', params: { size: 2 } }],
    tasks: { a: { run: 'true', params: { day: '', size: 1 } } },
  },
}
const unknown = { ...pipelines.hourly, tasks: { a: { uses: 'data.ingest', params: { source: 'weather' } } } }
const spec = (names: readonly (keyof typeof pipelines)[]) => ({
  name: 'rain',
  objective,
  sources: { weather: { type: 'csv' }, other: { type: 'csv' } },
  pipelines: Object.fromEntries(names.map(name => [name, pipelines[name]])),
})

/** A bed whose outbox runs, with a project; no task is run. */
async function open(
  t: TestContext,
  names: readonly (keyof typeof pipelines)[],
  {
    commit,
    over,
    clock = manualClock(0),
  }: { commit?: string; over?: TestBed; clock?: ReturnType<typeof manualClock> } = {},
) {
  const bed = await openBed(t, { clock, isStopped: true, ...(over && { over }) })
  t.after(() => bed.outbox.stop())
  bed.outbox.start()
  if (!over) await bed.projects.apply({ spec: spec(names), commit, actor: 'ann' })
  await bed.outbox.settled()
  const runs = async () =>
    (await bed.workflow.runs({ project: 'rain' }, { limit: 50 })).items
      .map(run => `${run.pipeline}: ${run.cause.kind}`)
      .toSorted()
  const emit = async <Data>(type: Parameters<typeof bed.outbox.emit<Data>>[1], data: Data) => {
    await bed.db.transaction().execute(tx => bed.outbox.emit(tx, type, { project: 'rain', data }))
    await bed.outbox.settled()
  }
  return { ...bed, clock, runs, emit }
}

test('new data at its source, a delivered commit and a named event start their pipelines, once each', async t => {
  const { emit, runs, workflow } = await open(t, ['refresh', 'build', 'react'], { commit: 'c0ffee' })
  const atPush = await runs()
  await workflow.startScheduler()

  await emit(arrived, { source: 'other', digest: 'x' })
  await emit(arrived, { source: 'weather', digest: 'x' })
  await emit(drifted, { model: 'rain' })
  await until(async () => (await runs()).length === 3)

  assert.deepEqual([atPush, await runs()], [['build: push'], ['build: push', 'react: event', 'refresh: data']])
  const { items } = await workflow.runs({ project: 'rain', pipeline: 'build' }, { limit: 1 })
  assert.deepEqual(
    [items[0]?.commit, items[0]?.cause.reason, items[0]?.actor],
    ['c0ffee', 'Commit c0ffee was delivered.', 'ann'],
  )
})

test('a run that is late and a pipeline without a success for too long are told once, and shown', async t => {
  const bed = await open(t, ['timely'], { clock: manualClock(hour) })
  const { workflow, clock, outbox } = bed
  await workflow.startScheduler()
  const cause = { kind: 'manual', reason: 'A test.' } as const
  const { id } = await workflow.start({ project: 'rain', pipeline: 'timely', cause })
  const told = async () => {
    const events = await outbox.after(0, 1_000)
    return events.flatMap(({ type, data }) => (/late|stale/.test(type) ? [[type, data]] : []))
  }
  const freshness = async () => (await workflow.pipelines('rain'))[0]?.freshness

  clock.advance(2 * hour)
  await until(async () => (await told()).length === 1)
  const fresh = await freshness()
  clock.advance(24 * hour)
  await until(async () => (await told()).length === 2)

  assert.deepEqual(await told(), [
    ['workflow.run_late', { run: id, pipeline: 'timely', startedAt: hour, deadlineAt: 3 * hour }],
    ['workflow.pipeline_stale', { pipeline: 'timely', since: hour, maxAgeMs: 26 * hour }],
  ])
  assert.equal((await workflow.run(id)).lateAt, 3 * hour)
  assert.deepEqual(
    [fresh, await freshness()],
    [
      { maxAge: '26h', until: 27 * hour },
      { maxAge: '26h', until: 27 * hour, staleAt: 27 * hour },
    ],
  )
})

test('an event is only meant when its data is what the trigger asks for', async t => {
  const { emit, runs } = await open(t, ['react'])

  await emit(drifted, { model: 'hail' })
  await emit(drifted, { model: 'snow' })

  assert.deepEqual(await runs(), ['react: event'])
})

test('a pipeline that waits for several datasets starts when each has a new version', async t => {
  const bed = await open(t, ['both'])
  await bed.workflow.startScheduler()
  const pendingOf = async () => (await bed.workflow.triggers.list('rain')).map(({ pending }) => pending?.sources)

  await bed.emit(versionAdded, { source: 'weather' })
  const half = [await bed.runs(), (await pendingOf()).length]
  await bed.emit(versionAdded, { source: 'other' })
  await until(async () => (await bed.runs()).length === 1)

  const { items } = await bed.workflow.runs({ project: 'rain' }, { limit: 1 })
  assert.deepEqual(
    [half, await bed.runs(), await pendingOf(), items[0]?.cause.reason],
    [[[], 1], ['both: data'], [undefined], 'There are new dataset versions of weather, other.'],
  )
})

test('a push to another branch runs its code when one of the files has changed', async t => {
  const bed = await open(t, ['branch'])
  const trees: Record<string, Record<string, string>> = {
    c1: { 'train.py': '1', 'README.md': '1' },
    c2: { 'train.py': '1', 'README.md': '2' },
    c3: { 'train.py': '3', 'README.md': '2' },
  }
  const blobs = fsBlobs(join(bed.folder, 'blobs'))
  bed.workflow.useSnapshot(async (_, commit) => {
    const files = Object.entries(trees[commit]!).map(async ([path, text]) => {
      const { digest, size } = await blobs.put(text)
      return [path, { digest, size, executable: false }] as const
    })
    return (await blobs.put(canonicalJson(Object.fromEntries(await Promise.all(files))))).digest
  })

  await bed.emit(pushed, { branch: 'release/1', before: 'c1', after: 'c2' })
  await bed.emit(pushed, { branch: 'feature', before: 'c1', after: 'c3' })
  const before = await bed.runs()
  await bed.emit(pushed, { branch: 'release/1', before: 'c2', after: 'c3' })

  const { items } = await bed.workflow.runs({ project: 'rain' }, { limit: 5 })
  assert.deepEqual(
    [before, items.map(({ commit, code, cause }) => [commit, code !== undefined, cause.reason])],
    [[], [['c3', true, 'Commit c3 was pushed to release/1.']]],
  )
})

test('a tick gives the pipeline its instant and the parameters of the trigger', async t => {
  const clock = manualClock(0)
  const bed = await open(t, ['nightly'], { clock })
  clock.advance(24 * hour)
  await bed.workflow.startScheduler()
  await until(async () => (await bed.runs()).length === 1)

  const { items } = await bed.workflow.runs({ project: 'rain' }, { limit: 1 })
  assert.deepEqual(items[0]?.params, { size: 2, day: '1970-01-02T00:00:00.000Z' })
})

test('a paused trigger starts nothing, and nothing is made up for when it goes on', async t => {
  const clock = manualClock(0)
  const bed = await open(t, ['hourly', 'refresh'], { clock })
  const { triggers } = bed.workflow
  const [hourly, refresh] = [
    { project: 'rain', pipeline: 'hourly', name: 'schedule' },
    { project: 'rain', pipeline: 'refresh', name: 'data' },
  ]
  await bed.workflow.startScheduler()
  await triggers.pause(hourly, 'ann')
  await triggers.pause(refresh, 'ann')
  clock.advance(3.5 * hour)
  await bed.emit(arrived, { source: 'weather', digest: 'x' })
  const { paused } = await triggers.find(hourly)

  const again = [await triggers.unpause(hourly), await triggers.unpause(refresh)]
  await new Promise(resolve => setTimeout(resolve, 450))
  const before = await bed.runs()
  clock.advance(hour)
  await until(async () => (await bed.runs()).length === 1)

  assert.deepEqual(
    [paused, again.map(trigger => [trigger.paused, trigger.nextAt]), before, await bed.runs()],
    [
      { at: 0, by: 'ann' },
      [
        [undefined, 4 * hour],
        [undefined, undefined],
      ],
      [],
      ['hourly: schedule'],
    ],
  )
})

test('a pipeline that cannot run notes why, and its trigger goes on', async t => {
  const clock = manualClock(0)
  const bed = await open(t, ['hourly'], { clock })
  // As after an update that no longer knows what the pipeline uses.
  await bed.projects.apply({ spec: { ...spec(['hourly']), pipelines: { hourly: unknown } }, actor: 'ann' })
  await bed.outbox.settled()
  clock.advance(hour)
  await bed.workflow.startScheduler()
  await until(async () => (await bed.workflow.triggers.list('rain'))[0]?.last !== undefined)

  const [trigger] = await bed.workflow.triggers.list('rain')
  assert.deepEqual([trigger?.nextAt, await bed.runs()], [2 * hour, []])
  assert.match(trigger?.last?.error ?? '', /^Pipeline hourly cannot be run\./)
})

test('what was applied by hand is no push', async t => {
  const { runs } = await open(t, ['build'])

  assert.deepEqual(await runs(), [])
})

test('an event that is handled again starts no second run', async t => {
  const bed = await open(t, ['refresh', 'react'])
  await bed.workflow.startScheduler()
  await bed.emit(arrived, { source: 'weather', digest: 'x' })
  await bed.emit(drifted, { model: 'rain' })
  await until(async () => (await bed.runs()).length === 2)
  await bed.outbox.stop()
  // As after a crash between the start of the run and the move of the cursor.
  await bed.db
    .withTables<{ event_subscriber: { name: string; seq: number } }>()
    .updateTable('event_subscriber')
    .set({ seq: 0 })
    .execute()

  bed.outbox.start()
  await bed.outbox.settled()
  await new Promise(resolve => setTimeout(resolve, 450))

  assert.deepEqual(await bed.runs(), ['react: event', 'refresh: data'])
})

test('each instant of a schedule makes one run', async t => {
  const clock = manualClock(0)
  const bed = await open(t, ['hourly'], { clock })
  await bed.workflow.startScheduler()
  const counts: number[] = []
  for (const ms of [hour - 1, 1, hour / 2, hour / 2]) {
    clock.advance(ms)
    await new Promise(resolve => setTimeout(resolve, 450))
    counts.push((await bed.runs()).length)
  }

  assert.deepEqual(counts, [0, 1, 1, 2])
  assert.deepEqual(
    (await bed.workflow.pipelines('rain')).map(({ name, nextAt }) => [name, nextAt]),
    [['hourly', 3 * hour]],
  )
})

test('of the instants that were missed while the platform was down the last is made up for, once', async t => {
  const clock = manualClock(0)
  const first = await open(t, ['hourly'], { clock })
  await first.outbox.stop()
  clock.advance(5.5 * hour)

  const beds = await Promise.all([open(t, [], { clock, over: first }), open(t, [], { clock, over: first })])
  await Promise.all(beds.map(bed => bed.workflow.startScheduler()))
  await new Promise(resolve => setTimeout(resolve, 300))

  const key = { project: 'rain', pipeline: 'hourly', name: 'schedule' }
  const ticks = await first.workflow.triggers.ticks(key, { limit: 9 })
  assert.deepEqual(
    [await first.runs(), ticks.items.map(tick => tick.key)],
    [['hourly: schedule'], ['1970-01-01T05:00:00.000Z']],
  )
})
