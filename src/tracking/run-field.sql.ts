import { sql, type RawBuilder } from 'kysely'
import type { Condition, Filter, Order } from '#search'

/** Where searches of runs find what they name: the run is `r`, a row of what it logged is `t`. */

export const keyedTables = {
  metrics: 'tracking_latest',
  params: 'tracking_param',
  tags: 'tracking_tag',
} as const
export type Keyed = keyof typeof keyedTables

export const isKeyed = (entity: string): entity is Keyed => Object.hasOwn(keyedTables, entity)

interface Attribute {
  readonly column: string
  readonly type: 'number' | 'text'
  /** Missing values come last. */
  readonly isNullable?: true
  /** An index leads to single values. */
  readonly isIndexed?: true
}

export const attributes: Readonly<Record<string, Attribute>> = {
  run_id: { column: 'r.id', type: 'text', isIndexed: true },
  run_name: { column: 'r.name', type: 'text', isIndexed: true },
  status: { column: 'r.status', type: 'text', isIndexed: true },
  artifact_uri: { column: 'r.artifact_uri', type: 'text' },
  user_id: { column: 'r.user_id', type: 'text', isIndexed: true },
  start_time: { column: 'r.started_at', type: 'number', isIndexed: true },
  end_time: { column: 'r.ended_at', type: 'number', isNullable: true, isIndexed: true },
}

const cutColumns = new Set(['t.value', 'r.name', 'r.user_id'])

/** Whether indexes have the beginning of a text only. */
export const isCut = (column: string): boolean => cutColumns.has(column)

/** A text as indexes have it: PostgreSQL takes no long ones. What begins equally in 200 characters is in one place. */
export const indexed = (column: string): RawBuilder<unknown> =>
  isCut(column) ? sql`substr(${sql.ref(column)}, 1, 200)` : sql.ref(column)

/** The numbers of the keys that a search names; -1 of those that nobody has used. */
export type KeyNumbers = ReadonlyMap<string, number>

export async function keyNumbers(
  find: (name: string) => Promise<number | undefined>,
  { filter, order }: { filter: Filter | undefined; order: readonly Order[] },
): Promise<KeyNumbers> {
  const found = new Map<string, number>()
  for (const { entity, key } of [...(filter ? conditionsOf(filter) : []), ...order])
    if (isKeyed(entity) && !found.has(key)) found.set(key, (await find(key)) ?? -1)
  return found
}

const conditionsOf = (filter: Filter): readonly Condition[] =>
  'and' in filter ? filter.and.flatMap(conditionsOf) : 'or' in filter ? filter.or.flatMap(conditionsOf) : [filter]
