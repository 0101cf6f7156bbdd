import type { Selectable } from 'kysely'
import type { Db } from '#storage'
import type { Keys } from './key-store.sql.ts'
import { keyedTables, type Keyed } from './run-field.sql.ts'
import { fromRunRow } from './run-store.sql.ts'
import type { RunColumn, RunRow } from './store.ts'
import type { TrackingTables } from './tables.ts'

type Row = Selectable<TrackingTables['tracking_run']>

/** The tag that names the run in which a run is nested. */
const parentTag = 'mlflow.parentRunId'

/** Puts rows of a table together: of what runs have logged, the columns that were asked for and nothing else. */
export function sqlRunTable(
  db: Db,
  keys: Pick<Keys, 'find'>,
): (rows: readonly Row[], columns: readonly RunColumn[]) => Promise<readonly RunRow[]> {
  const tables = db.withTables<TrackingTables>()

  async function numbersOf(columns: readonly RunColumn[], kind: Keyed): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for (const { kind: of, key } of columns) {
      const number = of === kind ? await keys.find(key) : undefined
      if (number !== undefined) found.set(number, key)
    }
    return found
  }

  async function texts(kind: 'params' | 'tags', runs: readonly number[], columns: readonly RunColumn[]) {
    const numbers = await numbersOf(columns, kind)
    if (numbers.size === 0) return new Map<number, readonly (readonly [string, string])[]>()
    const rows = await tables
      .selectFrom(keyedTables[kind])
      .select(['run', 'key', 'value'])
      .where('run', 'in', runs)
      .where('key', 'in', [...numbers.keys()])
      .execute()
    return grouped(rows, row => [numbers.get(row.key)!, row.value] as const)
  }

  async function metrics(runs: readonly number[], columns: readonly RunColumn[]) {
    const numbers = await numbersOf(columns, 'metrics')
    if (numbers.size === 0) return new Map<number, readonly (readonly [string, number])[]>()
    const rows = await tables
      .selectFrom('tracking_latest')
      .select(['run', 'key', 'value', 'is_nan'])
      .where('run', 'in', runs)
      .where('key', 'in', [...numbers.keys()])
      .execute()
    return grouped(rows, row => [numbers.get(row.key)!, row.is_nan === 1 ? Number.NaN : row.value] as const)
  }

  return async (rows, columns) => {
    if (rows.length === 0) return []
    const runs = rows.map(({ seq }) => seq)
    const wanted = [...columns, { kind: 'tags', key: parentTag } as const]
    const [measured, params, tags] = [
      await metrics(runs, columns),
      await texts('params', runs, columns),
      await texts('tags', runs, wanted),
    ]
    const isAsked = columns.some(({ kind, key }) => kind === 'tags' && key === parentTag)
    return rows.map(row => {
      const { [parentTag]: parent, ...others } = Object.fromEntries(tags.get(row.seq) ?? [])
      return {
        run: fromRunRow(row),
        ...(parent && { parent }),
        metrics: Object.fromEntries(measured.get(row.seq) ?? []),
        params: Object.fromEntries(params.get(row.seq) ?? []),
        tags: isAsked && parent !== undefined ? { ...others, [parentTag]: parent } : others,
      }
    })
  }
}

const grouped = <From extends { run: number }, To>(
  rows: readonly From[],
  of: (row: From) => To,
): ReadonlyMap<number, readonly To[]> =>
  new Map([...Map.groupBy(rows, ({ run }) => run)].map(([run, own]) => [run, own.map(of)]))
