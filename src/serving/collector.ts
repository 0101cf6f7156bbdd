import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { conflict, TrainyardError } from '#kernel/error.ts'
import { firstId, instantOf } from '#kernel/id.ts'
import { literal, type Db, type Duckdb, type Outbox, type Row } from '#storage'
import { closedSegments, type ClosedSegment } from './closed-segments.ts'
import { predictionsLogged } from './events.ts'
import { bucketSql } from './latency.ts'
import { copyRows, parquetRows, publishFile, segmentRows, unfinished } from './log-files.ts'
import { untilSteady } from './log-reader.ts'
import { givenMark } from './segment-name.ts'
import { shadowLines, type ShadowLine } from './shadow-line.ts'
import { hourMs, latencyLimits, trailingHour, type LatencyLimits, type SlowParts } from './slow.ts'
import type { HourLatency, MinuteCounts, RevisionCounts, SegmentRow, ServingStore } from './store.ts'

export interface CollectorParts extends SlowParts {
  readonly db: Db
  readonly store: ServingStore
  readonly outbox: Pick<Outbox, 'emit'>
  readonly duckdb: Duckdb
  readonly clock: Clock
  /** Where the model server writes segments. */
  readonly segments: string
  /** Where the Parquet files go, a folder for each deployment. */
  readonly folder: string
  readonly warn: (facts: object, message: string) => void
}

const segmentsPerPass = 64
const ingestedKeptMs = 24 * 3_600_000

/**
 * Moves closed segments into the prediction log: Parquet first, then index, counters and events in one transaction,
 * then the segment is deleted. Whatever is interrupted is done again, and counted once. Answers which deployments have
 * new predictions.
 */
export async function collectSegments(parts: CollectorParts): Promise<ReadonlySet<string>> {
  const touched = new Set<string>()
  for (;;) {
    const closed = await closedSegments(parts.segments, segmentsPerPass)
    if (closed.length === 0) break
    const done = await parts.store.ingested(closed.map(({ name }) => name))
    for (const { path } of closed.filter(({ name }) => done.has(name))) await rm(path, { force: true })
    const pass = closed.filter(({ name }) => !done.has(name))
    if (pass.length === 0) continue
    for (const deployment of await ingestOrSetAside(parts, pass)) touched.add(deployment)
  }
  await parts.store.forgetIngested(parts.clock.now() - ingestedKeptMs)
  await parts.store.forgetLatencies(trailingHour(parts.clock.now()))
  return touched
}

/** A segment that cannot be read must not keep back those after it. */
async function ingestOrSetAside(parts: CollectorParts, pass: readonly ClosedSegment[]): Promise<readonly string[]> {
  try {
    return await ingest(parts, pass)
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === 'invalid')) throw error
    if (pass.length > 1) return ingestOrSetAside(parts, pass.slice(0, 1))
    parts.warn(
      { err: error, segment: pass[0]!.path },
      'a segment of the prediction log cannot be read and is set aside',
    )
    await rename(pass[0]!.path, `${pass[0]!.path}.broken`)
    return []
  }
}

async function ingest(parts: CollectorParts, pass: readonly ClosedSegment[]): Promise<readonly string[]> {
  const full = pass.filter(({ bytes }) => bytes > 0)
  const shadows: ShadowLine[] = []
  let mayRepeat = false
  for (const { path } of full) {
    const bytes = await readFile(path)
    shadows.push(...shadowLines(bytes))
    mayRepeat ||= bytes.includes(givenMark)
  }
  const log = await logTable(
    parts,
    full.map(({ path }) => path),
    mayRepeat,
  )
  const counts = full.length === 0 ? [] : await parts.duckdb.query([...log, ...summary(await latencyLimits(parts))])
  const segments = segmentsOf(counts, `${full[0]?.name.replace('.ndjson', '')}.parquet`)
  await writeParquet(parts, log, segments)
  crashPoint('serving.segment_written')
  await register(parts, { pass, segments, counts, shadows })
  crashPoint('serving.segment_registered')
  for (const { path } of pass) await rm(path, { force: true })
  return segments.map(({ deployment }) => deployment)
}

/**
 * What makes the table `log` of segments. Where ids were given by others, a prediction that is told again is left out:
 * of those in the segments the first is kept, and none that the log has already.
 */
async function logTable(parts: CollectorParts, paths: readonly string[], mayRepeat: boolean): Promise<string[]> {
  const rows = segmentRows(paths)
  if (!mayRepeat) return [`create temp table log as ${rows}`]
  const known = await untilSteady(() => loggedIds(parts, rows))
  return [
    `create temp table log as select * from (${rows}) qualify row_number() over (partition by ${behindInstant('id')} order by forced, received_at) = 1`,
    ...(known.length === 0 ? [] : [`delete from log where id in (${known.map(literal).join(', ')})`]),
  ]
}

async function loggedIds({ store, duckdb, folder }: CollectorParts, rows: string): Promise<readonly string[]> {
  const [range] = await duckdb.query([`select min(id) as first, max(id) as last from (${rows})`])
  if (typeof range?.['first'] !== 'string') return []
  const [first, last] = [range['first'], range['last'] as string]
  const files = await store.segmentsWithIds(
    (await isDated(duckdb, rows, { first, last })) ? dayBefore(first) : first,
    last,
  )
  if (files.length === 0) return []
  const logged = parquetRows(files.map(({ file }) => join(folder, file)))
  const found = await duckdb.query([
    `select distinct told.id from (${rows}) told join (${logged}) logged on ${behindInstant('told.id')} = ${behindInstant('logged.id')}`,
  ])
  return found.map(({ id }) => id as string)
}

/**
 * What of an id does not tell when it was made: 74 bits, of chance or of a digest. A message without an instant of its own
 * has that of the day it came on; when it comes again after midnight, this part is the same.
 */
const behindInstant = (id: string): string => `substr(${id}, 18)`

/** Whether some ids were made of a day, and not of an instant. */
async function isDated(
  duckdb: Duckdb,
  rows: string,
  { first, last }: { first: string; last: string },
): Promise<boolean> {
  const days: string[] = []
  for (let at = Math.ceil(instantIn(first) / dayMs) * dayMs; at <= instantIn(last); at += dayMs)
    days.push(`starts_with(id, ${literal(firstId('prd', at))})`)
  if (days.length === 0) return false
  return (await duckdb.query([`select 1 from (${rows}) where ${days.join(' or ')} limit 1`])).length > 0
}

const dayMs = 86_400_000
const instantIn = (id: string): number => instantOf(id) ?? 0
const dayBefore = (id: string): string => firstId('prd', instantIn(id) - dayMs)

/** How the model server says that an output is no number (`server/infer.ts`). */
const invalidOutput = '^Output .* is (NaN|-?Infinity)[.]$'

/** Which answers of which deployments took as long as one of their limits. */
function tookLonger(limits: ReadonlyMap<string, LatencyLimits>, which: keyof LatencyLimits): string {
  const all = [...limits].flatMap(([deployment, { [which]: ms }]) =>
    ms === undefined ? [] : [`deployment = ${literal(deployment)} and latency_ms >= ${ms}`],
  )
  return all.length === 0 ? 'false' : `(${all.join(' or ')})`
}

/** One row for each deployment, revision and minute of arrival. */
function summary(limits: ReadonlyMap<string, LatencyLimits>): readonly string[] {
  const first = `"row" = 0`
  // Requests that named their revision say nothing about the split: the guard does not see them.
  const split = `${first} and not forced`
  // A request that was drawn by lot stands for those that were not; what failed is all here.
  const requests = (which: string): string =>
    `cast(coalesce(sum(round(1 / coalesce(inclusion, 1))) filter (where ${which} and error is null), 0) + count(*) filter (where ${which} and error is not null) as bigint)`
  // Of those that are drawn by lot each slow one counts once: the lot is the same for both arms.
  const slow = `${split} and error is null and coalesce(drawn, true) and ${tookLonger(limits, 'slowMs')}`
  const late = `${split} and error is null and ${tookLonger(limits, 'lateMs')}`
  return [
    `create temp table streak as
       with last as (select revision, max(id) as ok from log where ${split} and error is null group by revision)
       select revision, any_value(ok) is not null as has_success, count(*) filter (where error is not null and coalesce(drawn, true) and id > coalesce(ok, '')) as streak
       from log left join last using (revision) where ${split} group by revision`,
    `select deployment, revision, received_at // 60000 * 60000 as minute, count(*) as rows,
       ${requests(first)} as requests, count(*) filter (where ${first} and error is not null) as errors,
       ${requests(split)} as split_requests, count(*) filter (where ${split} and error is not null) as split_errors,
       count(*) filter (where ${split} and regexp_matches(error, ${literal(invalidOutput)})) as split_invalid,
       count(*) filter (where ${slow}) as split_slow, ${requests(late)} as split_late,
       cast(to_json(histogram(${bucketSql}) filter (where ${first})) as varchar) as latency,
       cast(to_json(histogram(${bucketSql}) filter (where ${split} and error is null)) as varchar) as split_latency,
       min(event_time) as event_from, max(event_time) as event_to, min(id) as id_from, max(id) as id_to, max(received_at) as received_to,
       any_value(streak) as streak, any_value(has_success) as has_success
     from log left join streak using (revision) group by deployment, revision, minute order by deployment, revision, minute`,
  ]
}

function segmentsOf(counts: readonly Row[], file: string): readonly SegmentRow[] {
  return [...groupBy(counts, row => row['deployment'] as string)].map(([deployment, rows]) => ({
    deployment,
    file: join(deployment, file),
    rows: total(rows, 'rows'),
    eventFrom: Math.min(...rows.map(row => row['event_from'] as number)),
    eventTo: Math.max(...rows.map(row => row['event_to'] as number)),
    idFrom: rows.map(row => row['id_from'] as string).toSorted()[0]!,
    idTo: rows
      .map(row => row['id_to'] as string)
      .toSorted()
      .at(-1)!,
    receivedTo: Math.max(...rows.map(row => row['received_to'] as number)),
  }))
}

async function writeParquet(
  { duckdb, folder }: CollectorParts,
  log: readonly string[],
  segments: readonly SegmentRow[],
): Promise<void> {
  if (segments.length === 0) return
  for (const { file } of segments) await mkdir(dirname(join(folder, file)), { recursive: true })
  const copies = segments.map(({ deployment, file }) =>
    copyRows(`select * from log where deployment = ${literal(deployment)}`, unfinished(join(folder, file))),
  )
  await duckdb.query([...log, ...copies])
  for (const { file } of segments) await publishFile(join(folder, file))
}

interface Batch {
  readonly pass: readonly ClosedSegment[]
  readonly segments: readonly SegmentRow[]
  readonly counts: readonly Row[]
  readonly shadows: readonly ShadowLine[]
}

async function register(
  { db, store, outbox, clock }: CollectorParts,
  { pass, segments, counts, shadows }: Batch,
): Promise<void> {
  const projects = new Map((await store.deployments()).map(({ name, project }) => [name, project]))
  await db.transaction().execute(async tx => {
    if (
      !(await store.ingest(
        tx,
        pass.map(({ name }) => name),
        clock.now(),
      ))
    )
      throw conflict('Someone else has collected these segments.')
    for (const segment of segments) await store.addSegment(tx, segment)
    await store.addShadows(tx, shadows)
    await store.addCounts(tx, counts.map(toMinute), revisionsOf(counts))
    for (const { deployment, rows, eventFrom, eventTo } of segments) {
      const data = { deployment, count: rows, from: eventFrom, to: eventTo }
      await outbox.emit(tx, predictionsLogged, { project: projects.get(deployment), data })
    }
  })
}

const toMinute = (row: Row): MinuteCounts => ({
  deployment: row['deployment'] as string,
  revision: row['revision'] as string,
  minute: row['minute'] as number,
  requests: row['requests'] as number,
  errors: row['errors'] as number,
  splitRequests: row['split_requests'] as number,
  splitErrors: row['split_errors'] as number,
  splitInvalid: row['split_invalid'] as number,
  splitSlow: row['split_slow'] as number,
  splitLate: row['split_late'] as number,
})

function revisionsOf(counts: readonly Row[]): readonly RevisionCounts[] {
  return [...groupBy(counts, row => row['revision'] as string)].map(([revision, rows]) => {
    return {
      revision,
      requests: total(rows, 'requests'),
      errors: total(rows, 'errors'),
      trailingErrors: Number(rows[0]!['streak'] ?? 0),
      hasSuccess: rows[0]!['has_success'] === true,
      latency: bucketsOf(rows, 'latency'),
      recent: recentOf(rows),
    }
  })
}

function bucketsOf(rows: readonly Row[], name: 'latency' | 'split_latency'): Map<number, number> {
  const all = new Map<number, number>()
  for (const row of rows) {
    const buckets = JSON.parse((row[name] as string | null) ?? '{}') as Record<string, number>
    for (const [bucket, count] of Object.entries(buckets))
      all.set(Number(bucket), (all.get(Number(bucket)) ?? 0) + count)
  }
  return all
}

function recentOf(rows: readonly Row[]): readonly HourLatency[] {
  const hours = Map.groupBy(rows, row => Math.floor((row['minute'] as number) / hourMs) * hourMs)
  return [...hours].flatMap(([hour, own]) =>
    [...bucketsOf(own, 'split_latency')].map(([bucket, requests]) => ({ hour, bucket, requests })),
  )
}

const total = (rows: readonly Row[], name: string): number => rows.reduce((sum, row) => sum + (row[name] as number), 0)

function groupBy(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row])
  return groups
}
