import { sql, type Kysely } from 'kysely'
import { bigintsOf, doublesOf, engineOf } from '#storage'
import type { Block } from './block.ts'
import type { TrackingTables } from './tables.ts'

interface Series {
  readonly run: number
  readonly key: number
}

type BlockRow = TrackingTables['tracking_block']

/** The blocks of a metric, by time. */
export const readBlocks = (own: Kysely<TrackingTables>, series: Series): Promise<readonly Block[]> =>
  engineOf(own) === 'postgres' ? readColumns(own, series) : readRows(own, series)

async function readRows(own: Kysely<TrackingTables>, { run, key }: Series): Promise<readonly Block[]> {
  const rows = await own
    .selectFrom('tracking_block')
    .selectAll()
    .where('run', '=', run)
    .where('key', '=', key)
    .orderBy('from_at')
    .execute()
  return rows.map(fromBlockRow)
}

const fromBlockRow = (row: BlockRow): Block => ({
  fromAt: row.from_at,
  toAt: row.to_at,
  fromStep: row.from_step,
  toStep: row.to_step,
  low: row.low ?? undefined,
  high: row.high ?? undefined,
  last: {
    timestamp: row.last_at,
    step: row.last_step,
    value: row.last_is_nan === 1 ? Number.NaN : row.last_value,
  },
  points: row.points,
})

const wholeColumns = ['from_at', 'to_at', 'from_step', 'to_step', 'last_at', 'last_step', 'points'] as const
const doubleColumns = ['low', 'high', 'last_value'] as const

/** Each column as the bytes of one array, null and NaN both as NaN: thousands of rows take longer to be said than read. */
async function readColumns(own: Kysely<TrackingTables>, { run, key }: Series): Promise<readonly Block[]> {
  const bytes = (column: string) => sql`array_send(array_agg(${sql.ref(column)})) as ${sql.ref(column)}`
  const { rows } = await sql<Record<keyof BlockRow, Buffer | null>>`
    select ${sql.join([...wholeColumns, ...doubleColumns].map(bytes))} from (
      select ${sql.join(wholeColumns.map(name => sql.ref(name)))}, coalesce(low, 'NaN') as low,
        coalesce(high, 'NaN') as high, case when last_is_nan = 1 then 'NaN' else last_value end as last_value
      from tracking_block where run = ${run} and key = ${key} order by from_at) as blocks`.execute(own)
  const found = rows[0]!
  if (found.points === null) return []
  const numbers = (column: (typeof wholeColumns)[number]) => bigintsOf(found[column]!) as readonly number[]
  const doubles = (column: (typeof doubleColumns)[number]) => doublesOf(found[column]!)
  const [fromAt, toAt, lastAt, points] = [numbers('from_at'), numbers('to_at'), numbers('last_at'), numbers('points')]
  const [fromStep, toStep, lastStep] = (['from_step', 'to_step', 'last_step'] as const).map(name =>
    bigintsOf(found[name]!),
  ) as [Steps, Steps, Steps]
  const [low, high, last] = [doubles('low'), doubles('high'), doubles('last_value')]
  return fromAt.map((from, index) => ({
    fromAt: from,
    toAt: toAt[index]!,
    fromStep: fromStep[index]!,
    toStep: toStep[index]!,
    low: numberOr(low[index]!),
    high: numberOr(high[index]!),
    last: { timestamp: lastAt[index]!, step: lastStep[index]!, value: last[index]! },
    points: points[index]!,
  }))
}

type Steps = ReturnType<typeof bigintsOf>

const numberOr = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value)
