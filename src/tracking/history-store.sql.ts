import { sql, type Kysely, type RawBuilder } from 'kysely'
import { invalid } from '#kernel/error.ts'
import { compareInt64, int64Of, int64Text, isInt64, type Int64 } from '#kernel/int64.ts'
import { toPage } from '#kernel/page.ts'
import { decodeCursor, encodeCursor } from '#search'
import { type AnyTx, bigintArray, type Db, engineOf, inside } from '#storage'
import { readBlocks } from './block-read.sql.ts'
import type { Block } from './block.ts'
import { readChunks, united, type HistoryRow, type Stretch } from './chunk-read.sql.ts'
import type { Keys } from './key-store.sql.ts'
import type { HistoryStore, SeriesStore, StepRange, StoredPoint } from './store.ts'
import { spanOf, type TrackingTables } from './tables.ts'

/** Histories of metrics in SQL. */
export function sqlHistoryStore(db: Db, keys: Keys): HistoryStore & SeriesStore {
  const engine = engineOf(db)
  const seen = (tx?: AnyTx): Kysely<TrackingTables> =>
    tx ? inside<TrackingTables>(tx) : db.withTables<TrackingTables>()

  async function seriesOf(run: string, key: string, tx?: AnyTx): Promise<Series | undefined> {
    const number = tx ? (await keys.numbersIn(tx, [key])).get(key) : await keys.find(key)
    const row = await seen(tx).selectFrom('tracking_run').select('seq').where('id', '=', run).executeTakeFirst()
    return number === undefined || row === undefined ? undefined : { run: row.seq, key: number }
  }

  async function stepsOf(runs: readonly string[], key: string, range: StepRange): Promise<RawBuilder<unknown>> {
    const number = (await keys.find(key)) ?? -1
    const within = sql`step >= cast(${range.from} as bigint) and step <= cast(${range.to} as bigint)`
    const of = (table: string): RawBuilder<unknown> =>
      sql`from tracking_run as r cross join ${sql.table(table)} as p
          where r.id in (${sql.join(runs)}) and p.run = r.seq and p.key = ${number}`
    const loose = sql`select distinct p.step ${of('tracking_point')} and ${within}`
    if (engine === 'sqlite') return loose
    // Runs of one program log the same steps: most of their chunks are one.
    return sql`${loose} union select step
      from (select distinct p.steps ${of('tracking_chunk')}) as chunks cross join lateral unnest(steps) as step
      where ${within}`
  }

  return {
    async points(run, key, { limit, after }) {
      const series = await seriesOf(run, key)
      if (!series) return { items: [] }
      const last = after === undefined ? undefined : cursorOf(after)
      const rows = await readPoints(seen(), series, { from: last?.timestamp ?? 0, last, most: limit + 1 })
      const { items, next } = toPage(rows, limit, row =>
        encodeCursor([row.timestamp, int64Text(row.step), row.value, row.is_nan]),
      )
      return { items: items.map(fromPointRow), ...(next !== undefined && { next }) }
    },

    async between(run, key, { from, to, limit }, tx) {
      const series = await seriesOf(run, key, tx)
      if (!series) return []
      return (await readPoints(seen(tx), series, { from, to, most: limit })).map(fromPointRow)
    },

    async blocks(run, key) {
      const series = await seriesOf(run, key)
      return series ? readBlocks(seen(), series) : []
    },

    async stepCount(runs, key, range) {
      const steps = await stepsOf(runs, key, range)
      const { rows } = await sql<{ n: number }>`select count(*) as n from (${steps}) as steps`.execute(db)
      return rows[0]!.n
    },

    async nthSteps(runs, key, { range, places }) {
      if (places.length === 0) return []
      const steps = await stepsOf(runs, key, range)
      const { rows } = await sql<{ step: Int64 }>`
        select step from (select step, row_number() over (order by step) - 1 as place from (${steps}) as steps) as placed
        where place in (${sql.join(places)}) order by step`.execute(db)
      return rows.map(({ step }) => step)
    },

    async stepEnds(run, key) {
      const series = await seriesOf(run, key)
      if (!series) return undefined
      const of = sql`where run = ${series.run} and key = ${series.key}`
      const loose = sql`select step as first, step as last from tracking_point ${of}`
      const chunked = sql`union all select from_step, to_step from tracking_chunk ${of}`
      const { rows } = await sql<{ first: Int64 | null; last: Int64 }>`
        select min(first) as first, max(last) as last
        from (${loose} ${engine === 'postgres' ? chunked : sql``}) as ends`.execute(db)
      const { first, last } = rows[0]!
      return first === null ? undefined : { first, last }
    },

    async atSteps(run, key, steps) {
      const series = await seriesOf(run, key)
      if (!series || steps.length === 0) return []
      const source = engine === 'postgres' ? pointsAround(series, steps) : sql`tracking_point`
      const { rows } = await sql<HistoryRow>`
        select distinct timestamp, step, value, is_nan from ${source} as p
        where run = ${series.run} and key = ${series.key} and step in (${sql.join(steps)})
        order by step, timestamp, value`.execute(db)
      return rows.map(fromPointRow)
    },

    async lock(tx, run) {
      const own = inside<TrackingTables>(tx)
      const query = own.selectFrom('tracking_run').select('seq').where('id', '=', run)
      const row = await (engine === 'postgres' ? query.forUpdate() : query).executeTakeFirst()
      if (!row) return false
      await own.updateTable('tracking_run').set({ has_blocks: 1 }).where('seq', '=', row.seq).execute()
      return true
    },

    async putBlocks(tx, { run, key }, blocks) {
      const series = (await seriesOf(run, key, tx))!
      const own = inside<TrackingTables>(tx)
      const rows = blocks.map(block => ({ ...series, ...toBlockRow(block) }))
      for (let start = 0; start < rows.length; start += rowsPerStatement)
        await own
          .insertInto('tracking_block')
          .values(rows.slice(start, start + rowsPerStatement))
          .onConflict(c => c.doNothing())
          .execute()
    },
  }
}

const rowsPerStatement = 500
const spansMax = 2_000

interface Series {
  readonly run: number
  readonly key: number
}

/** The first points of a stretch of time, by timestamp, step and value. */
export async function readPoints(
  own: Kysely<TrackingTables>,
  series: Series,
  range: Stretch,
): Promise<readonly HistoryRow[]> {
  const loose = await readLoose(own, series, range)
  if (engineOf(own) === 'sqlite') return loose
  const chunked = await readChunks(own, series, range)
  if (loose.length === 0 || chunked.length === 0) return loose.length === 0 ? chunked : loose
  return united([...loose, ...chunked]).slice(0, range.most)
}

/** Those that are rows. Runs have few spans with many points, or many with few: both are quick. */
async function readLoose(
  own: Kysely<TrackingTables>,
  { run, key }: Series,
  { from, to = Number.MAX_SAFE_INTEGER, last, most }: Stretch,
): Promise<readonly HistoryRow[]> {
  const rows: HistoryRow[] = []
  let span = spanOf(from) - 1
  for (let spansMost = 64; rows.length < most; spansMost = Math.min(spansMost * 2, spansMax)) {
    const spans = await spansOf(own, run, { after: span, before: spanOf(to - 1) + 1, most: spansMost })
    if (spans.length > 0) {
      let query = own
        .selectFrom('tracking_point')
        .select(['timestamp', 'step', 'value', 'is_nan'])
        .where('run', '=', run)
        .where('span', 'in', spans)
        .where('key', '=', key)
        .where('timestamp', '>=', from)
        .where('timestamp', '<', to)
        .orderBy('span')
        .orderBy('timestamp')
        .orderBy('step')
        .orderBy('value')
        .orderBy('is_nan')
        .limit(Math.min(most - rows.length, rowsMax))
      if (last) query = query.where(behind(last))
      // No spread: of a long history there are more than a call takes arguments.
      for (const row of await query.execute()) rows.push(row)
    }
    if (spans.length < spansMost) break
    span = spans.at(-1)!
  }
  return rows
}

/** What one statement gives, where the caller takes all there is. */
const rowsMax = 10_000_000

const behind = ({ timestamp, step, value, is_nan }: HistoryRow) =>
  sql<boolean>`(timestamp, step, value, is_nan) > (cast(${timestamp} as bigint), cast(${step} as bigint),
    cast(${value} as double precision), cast(${is_nan} as bigint))`

/** Rows, and points of those chunks that a step may lie in: more of the steps are up to its end than before its beginning. */
function pointsAround({ run, key }: Series, steps: readonly Int64[]): RawBuilder<unknown> {
  const sorted = bigintArray(steps.toSorted(compareInt64))
  return sql`(
    select run, key, timestamp, step, value, is_nan from tracking_point where run = ${run} and key = ${key}
    union all
    select c.run, c.key, p.timestamp, p.step, case when p.value = 'NaN' then 0 else p.value end,
      case when p.value = 'NaN' then 1 else 0 end
    from tracking_chunk as c cross join lateral unnest(c.timestamps, c.steps, c.values) as p (timestamp, step, value)
    where c.run = ${run} and c.key = ${key} and (c.from_step = any(${sorted}::bigint[])
      or width_bucket(c.from_step, ${sorted}::bigint[]) < width_bucket(c.to_step, ${sorted}::bigint[])))`
}

/** The spans in which a run has points, a seek for each. */
async function spansOf(
  own: Kysely<TrackingTables>,
  run: number,
  { after, before, most }: { after: number; before: number; most: number },
): Promise<readonly number[]> {
  const { rows } = await sql<{ span: number | null }>`
    with recursive spans (span) as (
      select min(span) from tracking_point where run = ${run} and span > ${after}
      union all
      select (select min(p.span) from tracking_point as p where p.run = ${run} and p.span > spans.span)
      from spans where spans.span < ${before}
    )
    select span from spans limit ${most}`.execute(own)
  return rows.flatMap(({ span }) => (span === null || span >= before ? [] : span))
}

function cursorOf(text: string): HistoryRow {
  const [timestamp, step, value, isNan] = decodeCursor(text, 4)
  const isStep = typeof step === 'number' ? Number.isSafeInteger(step) : isInt64(step ?? '')
  if (!isStep || ![timestamp, value, isNan].every(one => typeof one === 'number'))
    throw invalid('The page token is malformed.', [
      { field: 'page_token', value: text, allowed: 'that of the page before' },
    ])
  return { timestamp, step: int64Of(step!), value, is_nan: isNan } as HistoryRow
}

const fromPointRow = (row: HistoryRow): StoredPoint => ({
  timestamp: row.timestamp,
  step: row.step,
  value: row.is_nan === 1 ? Number.NaN : row.value,
})

const toBlockRow = ({ fromAt, toAt, fromStep, toStep, low, high, last, points }: Block) => ({
  from_at: fromAt,
  to_at: toAt,
  from_step: fromStep,
  to_step: toStep,
  low: low ?? null,
  high: high ?? null,
  last_at: last.timestamp,
  last_step: last.step,
  last_value: Number.isNaN(last.value) ? 0 : last.value,
  last_is_nan: Number.isNaN(last.value) ? 1 : 0,
  points,
})
