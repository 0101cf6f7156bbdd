import { sql, type RawBuilder, type Selectable } from 'kysely'
import { int64Json } from '#kernel/int64.ts'
import { type Db, engineOf } from '#storage'
import { fromRunRow } from './run-store.sql.ts'
import type { RunDocument } from './store.ts'
import type { TrackingTables } from './tables.ts'

type RunRow = Selectable<TrackingTables['tracking_run']>

export interface RunDocuments {
  /** In the order of the rows. */
  of(rows: readonly RunRow[]): Promise<readonly RunDocument[]>
  find(id: string): Promise<RunDocument | undefined>
}

const runsPerStatement = 1_000

/**
 * Puts runs together as JSON text inside the database: a thousand runs have a hundred thousand values, and an object
 * for each costs more than all the rest of a search.
 */
export function sqlRunDocuments(db: Db): RunDocuments {
  const tables = db.withTables<TrackingTables>()
  const jsonText = engineOf(db) === 'sqlite' ? sql.raw('json_quote') : sql.raw('to_json')

  async function texts(rows: readonly RunRow[], select: RawBuilder<unknown>): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for (let start = 0; start < rows.length; start += runsPerStatement) {
      const seqs = rows.slice(start, start + runsPerStatement).map(row => row.seq)
      const statement = sql<{ run: number; text: string }>`${select} where t.run in (${sql.join(seqs)}) group by t.run`
      for (const { run, text } of (await statement.execute(db)).rows) found.set(run, text)
    }
    return found
  }

  const keyed = (table: 'tracking_param' | 'tracking_tag'): RawBuilder<unknown> => sql`
    select t.run, string_agg('{"key":' || k.json || ',"value":' || ${jsonText}(t.value) || '}', ',') as text
    from ${sql.table(table)} as t join tracking_key as k on k.id = t.key`

  const metrics = sql`
    select t.run, string_agg('{"key":' || k.json || ',"value":'
      || case when t.is_nan = 1 then '"NaN"' else cast(t.value as text) end
      || ',"timestamp":' || t.timestamp || ',"step":' || t.step || '}', ',') as text
    from tracking_latest as t join tracking_key as k on k.id = t.key`

  const optional = (name: string, column: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`case when ${column} is null then '' else ${sql.lit(`,"${name}":`)} || ${jsonText}(${column}) end`

  const datasets = sql`
    select t.run, string_agg('{"tags":' || t.tags || ',"dataset":{"name":' || ${jsonText}(d.name)
      || ',"digest":' || ${jsonText}(d.digest) || ',"source_type":' || ${jsonText}(d.source_type)
      || ',"source":' || ${jsonText}(d.source) || ${optional('schema', sql`d.schema`)}
      || ${optional('profile', sql`d.profile`)} || '}}', ',' order by t.position) as text
    from tracking_input as t join tracking_dataset as d on d.id = t.dataset`

  async function links(rows: readonly RunRow[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (let start = 0; start < rows.length; start += runsPerStatement) {
      const links = await tables
        .selectFrom('tracking_model_link')
        .selectAll()
        .where(
          'run',
          'in',
          rows.slice(start, start + runsPerStatement).map(row => row.seq),
        )
        .orderBy('run')
        .orderBy('position')
        .execute()
      for (const { run, direction, model, step } of links) {
        const place = `${run} ${direction}`
        const link = direction === 'input' ? { model_id: model } : { model_id: model, step: int64Json(step) }
        const before = found.get(place)
        found.set(place, `${before === undefined ? '' : `${before},`}${JSON.stringify(link)}`)
      }
    }
    return found
  }

  async function of(rows: readonly RunRow[]): Promise<readonly RunDocument[]> {
    if (rows.length === 0) return []
    const logged = await texts(rows, metrics)
    const params = await texts(rows, keyed('tracking_param'))
    const tags = await texts(rows, keyed('tracking_tag'))
    const inputs = await texts(rows, datasets)
    const models = await links(rows)
    return rows.map(row => ({
      run: fromRunRow(row),
      metrics: list(logged.get(row.seq)),
      params: list(params.get(row.seq)),
      tags: list(tags.get(row.seq)),
      datasets: list(inputs.get(row.seq)),
      modelInputs: list(models.get(`${row.seq} input`)),
      modelOutputs: list(models.get(`${row.seq} output`)),
    }))
  }

  return {
    of,
    async find(id) {
      const rows = await tables.selectFrom('tracking_run').selectAll().where('id', '=', id).execute()
      return (await of(rows))[0]
    },
  }
}

const list = (items: string | undefined): string => `[${items ?? ''}]`
