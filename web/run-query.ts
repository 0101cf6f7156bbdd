import type { RunRow } from './wire.ts'

/** What a table of runs shows, as its address says it: columns, order, filter. */

/** A column of what runs have logged: `metrics.val/loss`. */
export interface LoggedColumn {
  readonly kind: 'metrics' | 'params' | 'tags'
  readonly key: string
}

const kinds: readonly string[] = ['metrics', 'params', 'tags'] satisfies LoggedColumn['kind'][]

export const columnText = ({ kind, key }: LoggedColumn): string => `${kind}.${key}`

/** Keys have no commas. What is no column is left out. */
export function columnsOf(text: string): readonly LoggedColumn[] {
  return text.split(',').flatMap(part => {
    const cut = part.indexOf('.')
    const [kind, key] = [part.slice(0, cut), part.slice(cut + 1)]
    return kinds.includes(kind) && key !== '' ? [{ kind: kind as LoggedColumn['kind'], key }] : []
  })
}

export const columnsText = (columns: readonly LoggedColumn[]): string => columns.map(columnText).join(',')

const metricsFirst = 4
const paramsFirst = 4

/** Columns of an experiment of which nobody has chosen any: a few of each. */
export const firstColumns = (known: {
  readonly metrics: readonly string[]
  readonly params: readonly string[]
}): readonly LoggedColumn[] => [
  ...known.metrics.slice(0, metricsFirst).map(key => ({ kind: 'metrics', key }) as const),
  ...known.params.slice(0, paramsFirst).map(key => ({ kind: 'params', key }) as const),
]

/** The field as the search language writes it: keys stand in backticks unless they are plain. */
export const fieldOf = ({ kind, key }: LoggedColumn): string => `${kind}.${/^\w+$/.test(key) ? key : `\`${key}\``}`

export interface Sorting {
  readonly field: string
  readonly isDescending: boolean
}

export function sortingOf(order: string | undefined): Sorting | undefined {
  const [, field, direction] = /^(.+) (ASC|DESC)$/.exec(order ?? '') ?? []
  return field === undefined ? undefined : { field, isDescending: direction === 'DESC' }
}

/** The order after a click on a column: largest first, then smallest first, then the table's own. */
export function nextOrder(order: string | undefined, field: string): string | undefined {
  const now = sortingOf(order)
  if (now?.field !== field) return `${field} DESC`
  return now.isDescending ? `${field} ASC` : undefined
}

/** A run in the table; `depth` is 1 below the run that it is nested in. */
export interface Nested {
  readonly row: RunRow
  readonly depth: number
}

/**
 * Runs with those nested in them behind them. One whose parent is not among the rows stands where it is; it is marked as
 * nested all the same.
 */
export function nested(rows: readonly RunRow[]): readonly Nested[] {
  const ids = new Set(rows.map(({ id }) => id))
  const children = Map.groupBy(
    rows.filter(({ id, parent }) => parent !== undefined && parent !== id && ids.has(parent)),
    ({ parent }) => parent,
  )
  const placed = new Set<string>()
  const place = (row: RunRow, depth: number): Nested[] => {
    if (placed.has(row.id)) return []
    placed.add(row.id)
    return [{ row, depth }, ...(children.get(row.id) ?? []).flatMap(child => place(child, depth + 1))]
  }
  const tops = rows.filter(({ parent, id }) => parent === undefined || parent === id || !ids.has(parent))
  // Runs that name each other as parents have no top: they are rows like any other.
  return [...tops, ...rows].flatMap(row => place(row, 0))
}

/** What of a search has a value: the rest is not in the address. */
export const given = <Search extends object>(search: { [Key in keyof Search]?: Search[Key] | undefined }): Search =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== '')) as Search
