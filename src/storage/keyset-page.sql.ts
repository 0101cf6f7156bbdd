import { sql, type SelectQueryBuilder } from 'kysely'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'

/** A page of rows in the order of their ids, which is that of their making. */
export const pageById = <Tables, Table extends keyof Tables, Row extends { readonly id: string }, Item>(
  rows: SelectQueryBuilder<Tables, Table, Row>,
  page: PageRequest,
  itemOf: (row: Row) => Item,
): Promise<Page<Item>> => pageBy(rows, page, { key: 'id', order: 'asc', place: after => after, itemOf })

/** A page of rows by their number, newest first. */
export const pageByVersion = <Tables, Table extends keyof Tables, Row extends { readonly version: number }, Item>(
  rows: SelectQueryBuilder<Tables, Table, Row>,
  page: PageRequest,
  itemOf: (row: Row) => Item,
): Promise<Page<Item>> =>
  pageBy(rows, page, { key: 'version', order: 'desc', place: after => Number(after) || 0, itemOf })

interface Keyset<Row, Item> {
  readonly key: keyof Row & string
  readonly order: 'asc' | 'desc'
  /** The key in a cursor. */
  place(after: string): string | number
  itemOf(row: Row): Item
}

async function pageBy<Tables, Table extends keyof Tables, Row, Item>(
  rows: SelectQueryBuilder<Tables, Table, Row>,
  { limit, after }: PageRequest,
  { key, order, place, itemOf }: Keyset<Row, Item>,
): Promise<Page<Item>> {
  const column = sql.ref(key)
  const behind = after === undefined ? rows : rows.where(column, order === 'asc' ? '>' : '<', place(after))
  const found = await behind
    .orderBy(column, order)
    .limit(limit + 1)
    .execute()
  const { items, ...next } = toPage(found, limit, row => String(row[key]))
  return { items: items.map(itemOf), ...next }
}
