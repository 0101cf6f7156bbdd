import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { wallClock } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import { createOutbox, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { collectSegments, type CollectorParts } from './collector.ts'
import { compactLog, pruneLog } from './compaction.ts'
import { logDays, readDay } from './log-export.ts'
import { logUsage, readByIds, readPage } from './log-reader.ts'
import { processTicks } from './process-ticks.ts'
import { segmentName } from './segment-name.ts'
import { givenId } from './server/queue/given-id.ts'
import { sqlServingStore } from './store.sql.ts'
import { servingMigrations } from './tables.ts'
import { duckdb } from './testing.ts'

const dead = { pid: 1_999_999_999, ticks: 1 }

const revision = {
  id: 'rev_1' as never,
  key: undefined,
  deployment: 'rain',
  version: 'mdv_1',
  versionNumber: 1,
  bundle: 'b' as never,
  createdAt: 1 as never,
}

async function open(t: TestContext) {
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...servingMigrations])
  const root = await mkdtemp(join(tmpdir(), 'trainyard-log-'))
  t.after(() => rm(root, { recursive: true }))
  const warnings: string[] = []
  const outbox = createOutbox({ db, clock: wallClock, owner: 'test', warn: () => {} })
  const store = sqlServingStore(db)
  const parts: CollectorParts = {
    db,
    store,
    outbox,
    duckdb,
    projects: { find: async () => undefined },
    clock: wallClock,
    segments: join(root, 'log'),
    folder: join(root, 'predictions'),
    warn: (_, message) => void warnings.push(message),
  }
  await mkdir(parts.segments)
  await db.transaction().execute(async tx => {
    await store.putDeployment(tx, { name: 'rain', project: 'rain', model: 'rain', createdAt: 1 })
    await store.addRevision(tx, revision)
  })
  let counter = 0
  const write = async (text: string, { owner = dead, suffix = '' } = {}): Promise<string> => {
    const name = segmentName({ startedAt: 1_000 + counter, ...owner, counter: counter++ }) + suffix
    await writeFile(join(parts.segments, name), text)
    return name
  }
  const count = async () =>
    (await outbox.after(0, 1_000)).reduce((sum, { data }) => sum + (data as { count: number }).count, 0)
  return { parts, store, write, warnings, count, left: () => readdir(parts.segments) }
}

const line = (change: object = {}): string =>
  `${JSON.stringify({ id: newId('prd'), row: 0, event_time: 1_000, features: { wind: 1 }, outputs: { probability: 0.5 }, deployment: 'rain', revision: 'rev_1', version: 'mdv_1', received_at: 60_000, latency_ms: 1, forced: false, ...change })}\n`

test('a segment that stands there again after it was collected is counted once', async t => {
  const { parts, store, write, count, left } = await open(t)
  const text = line() + line({ row: 1 }) + line({ error: 'no' })
  const name = await write(text)

  await collectSegments(parts)
  // As after a crash between the transaction and the deletion.
  await writeFile(join(parts.segments, name), text)
  await collectSegments(parts)

  const { requests, errors, errorStreak } = (await store.revision('rev_1'))!
  assert.deepEqual([await count(), requests, errors, errorStreak, await left()], [3, 2, 1, 1, []])
  assert.equal((await readPage(parts, { deployment: 'rain', limit: 9 })).items.length, 3)
})

/** A canary beside the live revision, and how many answers of both were slow, or late, after each further segment. */
async function withCanary(t: TestContext, declared: object = {}, counted: 'Slow' | 'Late' = 'Slow') {
  const { parts, store, write } = await open(t)
  const projects = { find: async () => ({ spec: { deployments: { rain: declared } } }) as never }
  await parts.db.transaction().execute(async tx => {
    await store.addRevision(tx, { ...revision, id: 'rev_2' as never })
    const states = { rev_1: 'live', rev_2: 'canary' } as const
    const shares = Object.entries(states).map(([id, state]) => ({ id, state, weight: 50, shadow: 0 }))
    await store.setShares(tx, shares, 1)
  })
  return async (...answers: readonly (readonly [count: number, ms: number, change?: object])[]) => {
    const lines = answers.map(([count, ms, change]) =>
      line({ received_at: Date.now(), latency_ms: ms, ...change }).repeat(count),
    )
    await write(lines.join(''))
    await collectSegments({ ...parts, projects })
    const minutes = await store.guardMinutes({ canary: 'rev_2', control: 'rev_1', since: 0 })
    return (['canary', 'control'] as const).map(arm =>
      minutes.reduce((sum, minute) => sum + minute[`${arm}${counted}`], 0),
    )
  }
}

const canary = { revision: 'rev_2' }

test('slow is what takes longer than 99 of 100 answers of the live revision did before, whoever gives it', async t => {
  const told = await withCanary(t)

  assert.deepEqual(
    [
      await told([490, 200], [4, 300], [5, 300, canary]),
      await told([9, 200], [2, 300, canary]),
      await told(
        [3, 300, canary],
        [2, 300],
        [4, 200, canary],
        [5, 300, { ...canary, forced: true }],
        [6, 300, { ...canary, error: 'no' }],
        [7, 300, { ...canary, inclusion: 0.5, drawn: false }],
      ),
    ],
    [
      [0, 0],
      [0, 0],
      [3, 2],
    ],
  )
})

test('what takes less than the project says is not slow, however fast the live revision is', async t => {
  const found = []
  for (const declared of [{}, { canary: { slow: '40ms' } }]) {
    const told = await withCanary(t, declared)
    await told([600, 1])
    found.push(await told([1, 50], [2, 50, canary], [3, 110, canary]))
  }

  assert.deepEqual(found, [
    [3, 0],
    [5, 1],
  ])
})

test('late is what takes thrice what is promised; what was drawn by lot stands for those that were not', async t => {
  const told = await withCanary(t, { slo: { availability: 0.999, latency: '200ms' } }, 'Late')
  await told([1, 1])

  assert.deepEqual(
    await told([2, 599], [3, 600], [4, 600, canary], [5, 700, { ...canary, inclusion: 0.1, drawn: true }]),
    [54, 3],
  )
})

test('a message without an instant that comes again after midnight is in the log once', async t => {
  const { parts, write } = await open(t)
  const midnight = Date.UTC(2026, 10, 29)
  const told = (at: number, message: string) => line({ id: givenId(at, message), given: true, received_at: at + 5 })
  const logged = async () => (await readPage(parts, { deployment: 'rain', limit: 9 })).items.map(({ id }) => id)

  await write(told(midnight - 86_400_000, 'm1'))
  await collectSegments(parts)
  await write(told(midnight, 'm1') + told(midnight, 'm2'))
  await collectSegments(parts)
  // Both times before anybody looked.
  await write(told(midnight, 'm3') + told(midnight + 86_400_000, 'm3'))
  await collectSegments(parts)

  assert.deepEqual(
    new Set(await logged()),
    new Set([givenId(midnight - 86_400_000, 'm1'), givenId(midnight, 'm2'), givenId(midnight, 'm3')]),
  )
  assert.equal((await logged()).length, 3)
})

test('the last line of a writer that died is dropped when it is torn, and every line before it is kept', async t => {
  const { parts, write, count, left } = await open(t)
  const whole = line()
  await write(whole + line().slice(0, 90), { suffix: '.open' })
  await write('', { suffix: '.open' })
  await write(`${line()}${'\0'.repeat(64)}`)

  await collectSegments(parts)

  assert.deepEqual([await count(), await left()], [2, []])
})

test('the segment that a living server writes to is left alone', async t => {
  const { parts, write, left } = await open(t)
  const name = await write(line(), { owner: { pid: process.pid, ticks: processTicks(process.pid)! }, suffix: '.open' })

  await collectSegments(parts)

  assert.deepEqual(await left(), [name])
})

test('what is no log at all is set aside and does not keep back what comes after', async t => {
  const { parts, write, count, left } = await open(t)
  const name = await write('[1,2,3')
  await write(line())

  await collectSegments(parts)

  assert.deepEqual([await count(), (await left()).filter(file => !file.startsWith(name))], [1, []])
})

test('many small files become one, and no row is lost or doubled', async t => {
  const { parts, store, write } = await open(t)
  for (let i = 0; i < 6; i++) {
    await write(line({ event_time: i }))
    await collectSegments(parts)
  }
  const before = (await readPage(parts, { deployment: 'rain', limit: 100 })).items

  await compactLog(parts, 'rain', 4)

  assert.deepEqual(
    [
      (await store.segments({ deployment: 'rain' }, { limit: 500 })).items.length,
      (await readdir(join(parts.folder, 'rain'))).length,
    ],
    [3, 3],
  )
  assert.deepEqual((await readPage(parts, { deployment: 'rain', limit: 100 })).items, before)
  assert.deepEqual(await readByIds(parts, [before[3]!.id]), [before[3]])
})

test('files from before there was a column are merged, and have none of it', async t => {
  const { parts, store, write } = await open(t)
  for (let i = 0; i < 3; i++) {
    await write(line({ event_time: i, filled: ['wind'] }))
    await collectSegments(parts)
  }
  for (const { file } of (await store.segments({ deployment: 'rain' }, { limit: 9 })).items) {
    const [path, old] = [join(parts.folder, file), join(parts.folder, 'old.parquet')]
    await parts.duckdb.query([`copy (select * exclude (filled) from '${path}') to '${old}' (format parquet)`])
    await rename(old, path)
  }
  await write(line({ event_time: 3, filled: ['wind'] }))
  await collectSegments(parts)

  await compactLog(parts, 'rain', 3)

  const { items } = await readPage(parts, { deployment: 'rain', limit: 9 })
  assert.deepEqual(
    items.map(({ filled }) => filled),
    [['wind'], undefined, undefined, undefined],
  )
})

test('a page is read from no more files than it needs, whatever their order', async t => {
  const { parts, write } = await open(t)
  await write(Array.from({ length: 10 }, (_, i) => line({ event_time: i * 10 })).join(''))
  await collectSegments(parts)
  await write(Array.from({ length: 10 }, (_, i) => line({ event_time: i * 10 + 5 })).join(''))
  await collectSegments(parts)
  const times = async (query: object) =>
    (await readPage(parts, { deployment: 'rain', limit: 4, ...query })).items.map(({ eventTime }) => eventTime)

  assert.deepEqual(
    [await times({}), await times({ to: 21 }), await times({ from: 91 }), await times({ from: 200 })],
    [[95, 90, 85, 80], [20, 15, 10, 5], [95], []],
  )
})

test('predictions that are older than their retention are deleted with their files', async t => {
  const { parts, write, store } = await open(t)
  await write(line({ received_at: 1_000 }))
  await collectSegments(parts)
  await write(line({ received_at: 9_000 }))
  await collectSegments(parts)

  await pruneLog(parts, { before: 5_000, deployment: 'other' })
  assert.equal((await store.segments({ deployment: 'rain' }, { limit: 9 })).items.length, 2)
  await pruneLog(parts, { before: 5_000 })

  assert.deepEqual(
    [
      (await store.segments({ deployment: 'rain' }, { limit: 9 })).items.map(({ receivedTo }) => receivedTo),
      (await readdir(join(parts.folder, 'rain'))).length,
    ],
    [[9_000], 1],
  )
})

test('the log leaves by day, whole and with its digest, however its files are merged', async t => {
  const { parts, store, write } = await open(t)
  const dayMs = 86_400_000
  for (const days of [0, 0, 1, 1, 1, 3]) {
    await write(line({ event_time: days * dayMs + 5 }))
    await collectSegments(parts)
  }
  const days = await logDays(parts, 'rain')
  const before = await readDay(parts, 'rain', '1970-01-02')
  const first = Buffer.concat(await before.bytes.toArray())
  const used = await logUsage(parts)

  await compactLog(parts, 'rain', 2)

  const again = await readDay(parts, 'rain', '1970-01-02')
  assert.deepEqual(days, [
    { day: '1970-01-01', rows: 2 },
    { day: '1970-01-02', rows: 3 },
    { day: '1970-01-04', rows: 1 },
  ])
  assert.deepEqual([digestOf(first), first.length], [before.digest, before.size])
  assert.deepEqual(Buffer.concat(await again.bytes.toArray()), first)
  assert.deepEqual(await readdir(join(parts.folder, '.export')), [])
  await assert.rejects(readDay(parts, 'rain', '1970-01-03'), { code: 'not_found' })
  assert.deepEqual([used.map(({ project, files }) => [project, files]), used[0]!.bytes > 0], [[['rain', 6]], true])
  assert.ok((await store.logFiles()).length < 6)
})
