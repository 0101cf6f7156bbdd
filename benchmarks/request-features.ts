import { DuckDBInstance } from '@duckdb/node-api'
import { computeFeature, planRequest, type Value } from '../src/features/request.ts'
import { printTable } from './table.ts'

/** What eight request features of a row cost: by our evaluator, and by a prepared statement of DuckDB in the same process. */

const sql = `select
  amount / nullif(mean_30d, 0) as ratio,
  ln(1 + amount) as amount_log,
  hour(ordered_at AT TIME ZONE 'Europe/Berlin') as hour,
  CASE WHEN dayofweek(ordered_at) IN (0, 6) THEN 1 ELSE 0 END as weekend,
  country IS DISTINCT FROM home as is_abroad,
  date_diff('day', ordered_at, event_time) as days,
  lower(trim(country)) || '/' || coalesce(home, '?') as route,
  greatest(amount, mean_30d, 1) as most
from request`

const columns = {
  amount: 'number',
  country: 'string',
  ordered_at: 'timestamp',
  mean_30d: 'number',
  home: 'string',
} as const
const plan = planRequest({
  entityKey: 'customer',
  views: [],
  requests: [
    {
      view: 'order',
      path: 'order.sql',
      sql,
      columns,
      reads: [],
      fields: ['ratio', 'amount_log', 'hour', 'weekend', 'is_abroad', 'days', 'route', 'most'],
    },
  ],
})!

const start = Date.UTC(2026, 10, 29)
const valueOf: Readonly<Record<string, (row: number) => Value>> = {
  amount: row => 10 + (row % 1_000) / 7,
  country: row => (row % 3 === 0 ? 'NO ' : 'de'),
  ordered_at: row => start + row * 60_000,
  event_time: row => start + row * 61_000,
  mean_30d: row => (row % 10 === 0 ? null : row % 90),
  home: row => (row % 5 === 0 ? null : 'de'),
}

const sizes = [1, 100, 10_000]
const msMin = 1_000

async function perSecond(rows: number, work: () => unknown): Promise<number> {
  for (let warm = 0; warm < 50; warm++) await work()
  let calls = 0
  const begun = performance.now()
  while (performance.now() - begun < msMin) {
    await work()
    calls++
  }
  return (calls * rows) / ((performance.now() - begun) / 1_000)
}

function ours(rows: number): () => unknown {
  const given = new Map(
    Object.entries(valueOf).map(([name, value]) => [name, Array.from({ length: rows }, (_, row) => value(row))]),
  )
  return () => plan.features.map(feature => computeFeature(feature, rows, name => given.get(name)!))
}

/** One row as parameters; more as a table that is there already, which is less than a request would cost. */
async function duckdb(rows: number): Promise<() => unknown> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  await connection.run(`set timezone = 'UTC'`)
  const select = (source: string) => sql.replace('from request', `from ${source} request`)
  const typed = (column: (name: string) => string): string =>
    `(select ${column('amount')}::double as amount, ${column('country')}::varchar as country, make_timestamp_ms(${column('ordered_at')}::bigint)::timestamptz as ordered_at, make_timestamp_ms(${column('event_time')}::bigint)::timestamptz as event_time, ${column('mean_30d')}::double as mean_30d, ${column('home')}::varchar as home`
  if (rows > 1) {
    const ofRow: Readonly<Record<string, string>> = {
      amount: '10 + i / 7',
      country: `'de'`,
      home: `'de'`,
      mean_30d: 'i % 90',
    }
    const filled = typed(name => ofRow[name] ?? `${start} + i * 60000`)
    await connection.run(`create table given as ${filled} from range(${rows}) r(i))`)
    const statement = await connection.prepare(select('given'))
    return async () => (await statement.runAndReadAll()).getColumns()
  }
  const statement = await connection.prepare(select(`${typed(name => `$${name}`)})`))
  statement.bind(
    Object.fromEntries(
      Object.entries(valueOf).map(([name, value]) => [
        name,
        typeof value(1) === 'number' && name.endsWith('_at') ? BigInt(value(1) as number) : value(1),
      ]),
    ),
  )
  return async () => (await statement.runAndReadAll()).getColumns()
}

const lines = []
for (const rows of sizes) {
  const [here, there] = [await perSecond(rows, ours(rows)), await perSecond(rows, await duckdb(rows))]
  const us = (rate: number): string => (1e6 / rate).toFixed(2)
  lines.push({
    'rows of a request': rows,
    'µs a row, here': us(here),
    'µs a row, DuckDB': us(there),
    'times as fast': (here / there).toFixed(1),
  })
}
printTable('Eight request features', lines)
process.exit(0)
