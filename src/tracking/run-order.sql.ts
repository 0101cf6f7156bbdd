import { sql, type Expression, type RawBuilder } from 'kysely'
import type { Order, OrderTerm } from '#search'
import { attributes, indexed, isKeyed, keyedTables, type KeyNumbers } from './run-field.sql.ts'

/**
 * The order of a search of runs as columns `o0`, `o1`, … Each field that orders gives two: its rank (0 of a value, 1 of
 * NaN, 2 of none, always in this direction) and its value. Then come the latest start and the number of the run.
 */
export interface RunOrder {
  readonly terms: readonly OrderTerm[]
  /** What is selected for the terms. */
  readonly columns: readonly RawBuilder<unknown>[]
  /** The field that orders first. */
  readonly first: Order
}

const byStart: Order = { entity: 'attributes', key: 'start_time', descending: true }

export function runOrder(order: readonly Order[], numbers: KeyNumbers): RunOrder {
  const orders = order.length > 0 ? order : [byStart]
  const fields = orders.flatMap(term => {
    const { rank, value, type } = fieldOf(term, numbers)
    return [
      { column: rank, type: 'number', descending: false },
      { column: value, type, descending: term.descending },
    ] as const
  })
  const ties = [
    { column: sql`r.started_at`, type: 'number', descending: true },
    { column: sql`r.seq`, type: 'number', descending: false },
  ] as const
  const all = [...fields, ...ties]
  return {
    first: orders[0]!,
    columns: all.map(({ column }) => column),
    terms: all.map(({ type, descending }, index) => ({ column: sql.ref(`o${index}`), type, descending })),
  }
}

interface FieldColumns {
  readonly rank: RawBuilder<unknown>
  readonly value: RawBuilder<unknown>
  readonly type: 'number' | 'text'
}

function fieldOf({ entity, key }: Order, numbers: KeyNumbers): FieldColumns {
  if (!isKeyed(entity)) {
    const { column, type, isNullable } = attributes[key]!
    const value = indexed(column)
    if (isNullable !== true) return { rank: sql`0`, value, type }
    return { rank: sql`case when ${value} is null then 2 else 0 end`, value: sql`coalesce(${value}, 0)`, type }
  }
  const of = (what: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`(select ${what} from ${sql.table(keyedTables[entity])} as t where t.run = r.seq and t.key = ${numbers.get(key)})`
  if (entity === 'metrics')
    return {
      rank: sql`coalesce(${of(sql`t.is_nan`)}, 2)`,
      value: sql`coalesce(${of(sql`t.value`)}, cast(0 as double precision))`,
      type: 'number',
    }
  const value = of(indexed('t.value'))
  return { rank: sql`case when ${value} is null then 2 else 0 end`, value: sql`coalesce(${value}, '')`, type: 'text' }
}

/** A part of the order whose rows one index gives in the order of the first field. Phases follow each other. */
export interface Phase {
  readonly rank: 0 | 1 | 2
  /** `from … where …`, of one experiment and lifecycle; of the first rows of the index only, where it says so. */
  source(experiment: number, lifecycle: string, first?: First): RawBuilder<unknown>
  /** The value of the first field, as its index has it; undefined when all rows of the phase have the same. */
  readonly value: RawBuilder<unknown> | undefined
  /** Whether it has rows `t` of the field; other phases have runs alone. */
  readonly isOfRows: boolean
  /** The columns that break ties, as the index has them. */
  readonly started: RawBuilder<unknown>
  readonly seq: RawBuilder<unknown>
}

/** So many rows of an index, in its order, that fulfil a condition on it. */
export interface First {
  readonly where: Expression<unknown>
  readonly by: RawBuilder<unknown>
  readonly steps: number
}

const firstOf = (rows: RawBuilder<unknown>, { where, by, steps }: First): RawBuilder<unknown> =>
  sql`(${rows} and ${where} order by ${by} limit ${steps})`

export function phasesOf({ entity, key }: Order, numbers: KeyNumbers): readonly Phase[] {
  if (isKeyed(entity)) return keyedPhases(keyedTables[entity], numbers.get(key)!)
  const { column, isNullable } = attributes[key]!
  const runs = (rank: 0 | 2, extra: RawBuilder<unknown>): Phase => ({
    ...ofRun,
    rank,
    source(experiment, lifecycle, first) {
      const rows = sql`${runSource(experiment, lifecycle)} ${extra}`
      return first ? sql`from ${firstOf(sql`select r.* ${rows}`, first)} as r where 1 = 1` : rows
    },
    value: rank === 0 ? indexed(column) : undefined,
  })
  if (isNullable !== true) return [runs(0, sql``)]
  return [runs(0, sql`and ${sql.ref(column)} is not null`), runs(2, sql`and ${sql.ref(column)} is null`)]
}

const ofRun = { isOfRows: false, started: sql`r.started_at`, seq: sql`r.seq` }
const ofRow = { isOfRows: true, started: sql`t.started_at`, seq: sql`t.run` }

const runSource = (experiment: number, lifecycle: string): RawBuilder<unknown> =>
  sql`from tracking_run as r where r.experiment = ${experiment} and r.lifecycle = ${lifecycle}`

function keyedPhases(table: string, key: number): readonly Phase[] {
  const rows = (rank: 0 | 1, extra: RawBuilder<unknown>): Phase => ({
    ...ofRow,
    rank,
    source(experiment, lifecycle, first) {
      const own = sql`t.experiment = ${experiment} and t.key = ${key} ${extra}`
      const joined = sql`r.seq = t.run and r.lifecycle = ${lifecycle}`
      // The words `cross join` keep SQLite to this order of the tables; to PostgreSQL they say nothing.
      if (!first) return sql`from ${sql.table(table)} as t cross join tracking_run as r where ${own} and ${joined}`
      // Columns that the index has.
      const isNan = table === 'tracking_latest' ? sql`, t.is_nan` : sql``
      const rows = sql`select t.run, t.value, t.started_at ${isNan} from ${sql.table(table)} as t where ${own}`
      return sql`from ${firstOf(rows, first)} as t cross join tracking_run as r where ${joined}`
    },
    value: rank === 1 ? undefined : table === 'tracking_latest' ? sql`t.value` : indexed('t.value'),
  })
  const without: Phase = {
    ...ofRun,
    rank: 2,
    source: (experiment, lifecycle) =>
      sql`${runSource(experiment, lifecycle)}
          and (select 1 from ${sql.table(table)} as t where t.run = r.seq and t.key = ${key}) is null`,
    value: undefined,
  }
  if (table !== 'tracking_latest') return [rows(0, sql``), without]
  return [rows(0, sql`and t.is_nan = 0`), rows(1, sql`and t.is_nan = 1 and t.value = 0`), without]
}
