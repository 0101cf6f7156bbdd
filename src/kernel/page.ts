/** One page of a list, newest first unless it says otherwise. `next` is absent on the last page. */
export interface Page<Row> {
  readonly items: readonly Row[]
  readonly next?: string
}

/** Where a page starts and how long it may be. `after` is the `next` of the page before. */
export interface PageRequest {
  readonly limit: number
  readonly after?: string | undefined
}

/** Cuts `limit + 1` rows to a page whose cursor is the key of its last row. */
export function toPage<Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string): Page<Row> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return rows.length > limit && last !== undefined ? { items, next: keyOf(last) } : { items }
}
