import type { ReactNode } from 'react'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => ReactNode
  readonly align?: 'right'
  /** Left out on narrow screens. */
  readonly wide?: boolean
}

interface TableProps<Row> {
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  /** Shown in place of a table without rows: an Empty, or what a filter found nothing says. */
  readonly empty: ReactNode
  readonly selected?: string | undefined
}

/** Rows as data: columns are a constant of the page. */
export function Table<Row>({ label, rows, columns, keyOf, empty, selected }: TableProps<Row>) {
  if (rows.length === 0) return <>{empty}</>
  return (
    <div className="table-wrap">
      <table className="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(column => (
              <th key={column.title} scope="col" className={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={keyOf(row)} data-selected={selected !== undefined && keyOf(row) === selected}>
              {columns.map(column => (
                <td key={column.title} className={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const classOf = ({ align, wide }: { align?: 'right'; wide?: boolean }): string | undefined =>
  [align, wide && 'wide'].filter(Boolean).join(' ') || undefined

/** A filter that matches nothing, and the way back. */
export function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <div className="empty">
      <h3>Nothing matches this filter</h3>
      <button type="button" className="tag" onClick={onClear}>
        Clear the filter
      </button>
    </div>
  )
}
