import { sql, type Kysely } from 'kysely'
import { invalid } from '#kernel/error.ts'
import { int64Of, int64Text, isInt64 } from '#kernel/int64.ts'
import { toPage } from '#kernel/page.ts'
import { decodeCursor, encodeCursor } from '#search'
import { type AnyTx, type Db, engineOf, inside } from '#storage'
import { readBlocks } from './block-read.sql.ts'
import type { Block } from './block.ts'
import { readChunks, united, type HistoryRow, type Stretch } from './chunk-read.sql.ts'
import type { Keys } from './key-store.sql.ts'
import { readPlaces } from './place-read.sql.ts'
import type { HistoryStore, SeriesStore } from './store.ts'
import type { StoredPoint } from './metric.ts'
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

    async atPlaces(run, key, places) {
      const series = await seriesOf(run, key)
      if (!series) return []
      const rows = await readPlaces(db, series, places)
      return rows.map(fromPointRow)
    },

    async lock(tx, run) {
      // Also where it has blocks: by the new version of the row writers who have waited see that something has changed.
      const own = inside<TrackingTables>(tx)
      const query = own.selectFrom('tracking_run').select('seq').where('id', '=', run)
      const row = await (engine === 'postgres' ? query.forUpdate() : query).executeTakeFirst()
      if (!row) return false
      await own.updateTable('tracking_run').set({ has_blocks: 1 }).where('seq', '=', row.seq).execute()
      return true
    },

    async isBare(tx, { run, key }, { from, to }) {
      const series = await seriesOf(run, key, tx)
      const row = await inside<TrackingTables>(tx)
        .selectFrom('tracking_block')
        .select('to_at')
        .where('run', '=', series?.run ?? -1)
        .where('key', '=', series?.key ?? -1)
        .where('from_at', '<', to)
        .orderBy('from_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row === undefined || row.to_at <= from
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
