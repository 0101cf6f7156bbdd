import { sql, type Kysely } from 'kysely'
import { compareInt64, type Int64 } from '#kernel/int64.ts'
import { bigintsOf, doublesOf } from '#storage'
import { chunkPointsMax } from './chunk.ts'
import type { TrackingTables } from './tables.ts'

/** A point as histories are read: by these columns, in this order. */
export type HistoryRow = {
  readonly timestamp: number
  readonly step: Int64
  readonly value: number
  readonly is_nan: number
}

/** A stretch of time, and how many of its points are asked for. */
export interface Stretch {
  readonly from: number
  /** Exclusive; no end when left out. */
  readonly to?: number
  /** The point before the first. */
  readonly last?: HistoryRow | undefined
  readonly most: number
}

/** So many chunks at once are some megabytes. */
const chunksMax = 1_000

/** The first points of a stretch of time that are in chunks, each once. */
export async function readChunks(
  own: Kysely<TrackingTables>,
  series: { readonly run: number; readonly key: number },
  { from, to = Number.MAX_SAFE_INTEGER, last, most }: Stretch,
): Promise<readonly HistoryRow[]> {
  const found: HistoryRow[] = []
  for (let begin = from; begin < to && found.length < most;) {
    const chunks = Math.min(chunksMax, Math.ceil((most - found.length) / chunkPointsMax))
    const { end, rows } = await readWindow(own, series, { begin, to, chunks })
    for (const row of united(rows)) if (!last || compareRows(row, last) > 0) found.push(row)
    begin = end
  }
  return found.length > most ? found.slice(0, most) : found
}

/** Points in the order of histories, each once. */
export function united(rows: HistoryRow[]): readonly HistoryRow[] {
  const isSorted = rows.every((row, index) => index === 0 || compareRows(rows[index - 1]!, row) < 0)
  if (isSorted) return rows
  return rows.sort(compareRows).filter((row, index) => index === 0 || compareRows(rows[index - 1]!, row) !== 0)
}

const compareRows = (a: HistoryRow, b: HistoryRow): number =>
  a.timestamp - b.timestamp || compareInt64(a.step, b.step) || a.value - b.value || a.is_nan - b.is_nan

interface ChunkRow {
  readonly until: number
  /** Null where no chunk is left. */
  readonly timestamps: Buffer | null
  readonly steps: Buffer
  readonly values: Buffer
}

/** All points from `begin` until where so many chunks have ended. As bytes: rows take longer to be said than to be read. */
async function readWindow(
  own: Kysely<TrackingTables>,
  { run, key }: { readonly run: number; readonly key: number },
  { begin, to, chunks }: { readonly begin: number; readonly to: number; readonly chunks: number },
): Promise<{ end: number; rows: HistoryRow[] }> {
  const { rows: found } = await sql<ChunkRow>`
    with bound as (
      select least(cast(${to} as bigint), (
        select to_at + 1 from tracking_chunk where run = ${run} and key = ${key} and to_at >= ${begin}
        order by to_at offset ${chunks} limit 1)) as until)
    select bound.until, array_send(c.timestamps) as timestamps, array_send(c.steps) as steps, array_send(c.values) as values
    from bound left join tracking_chunk as c
      on c.run = ${run} and c.key = ${key} and c.to_at >= ${begin} and c.from_at < bound.until
    order by c.from_at`.execute(own)
  const end = found[0]!.until
  const rows: HistoryRow[] = []
  for (const chunk of found)
    for (const row of rowsOf(chunk)) if (row.timestamp >= begin && row.timestamp < end) rows.push(row)
  return { end, rows }
}

function rowsOf({ timestamps, steps: stepBytes, values: valueBytes }: ChunkRow): readonly HistoryRow[] {
  if (timestamps === null) return []
  const [steps, values] = [bigintsOf(stepBytes), doublesOf(valueBytes)]
  return bigintsOf(timestamps).map((timestamp, index) => {
    const value = values[index]!
    const isNan = Number.isNaN(value)
    return { timestamp: Number(timestamp), step: steps[index]!, value: isNan ? 0 : value, is_nan: isNan ? 1 : 0 }
  })
}
