import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { useRef, type ReactNode } from 'react'

export interface GridColumn<Row> {
  readonly id: string
  readonly title: ReactNode
  readonly cell: (row: Row) => ReactNode
  readonly width: number
  readonly align?: 'right'
  /** Given when rows can be sorted by it. */
  readonly onSort?: () => void
  readonly sorted?: 'ascending' | 'descending' | undefined
  /** Stays in sight while the others scroll. */
  readonly pinned?: boolean
}

interface GridProps<Row> {
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly GridColumn<Row>[]
  readonly keyOf: (row: Row) => string
  readonly isSelected?: (row: Row) => boolean
}

const rowHeight = 34
const heightMax = 640
const headHeight = 32

/** Many rows and columns. Only the rows in sight are in the page; all have one height. */
export function Grid<Row>({ label, rows, columns, keyOf, isSelected }: GridProps<Row>) {
  const scroll = useRef<HTMLDivElement>(null)
  // The virtualizer is used here only, and handed to nothing that memoizes.
  // oxlint-disable-next-line react/incompatible-library
  const sight = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    initialRect: { width: 0, height: heightMax },
  })
  const items = sight.getVirtualItems()
  const above = items[0]?.start ?? 0
  const below = sight.getTotalSize() - (items.at(-1)?.end ?? 0)
  const width = columns.reduce((sum, column) => sum + column.width, 0)
  return (
    <div
      ref={scroll}
      className="grid-scroll"
      style={{ maxHeight: heightMax + headHeight }}
      role="region"
      aria-label={`${label}, scrolled`}
      // A scrolled region must be reachable by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <table className="table grid" aria-label={label} aria-rowcount={rows.length + 1} style={{ minWidth: width }}>
        <colgroup>
          {columns.map(({ id, width: own }) => (
            <col key={id} style={{ width: own }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map(column => (
              <Head key={column.id} column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Room height={above} columns={columns.length} />}
          {items.map(({ index }) => {
            const row = rows[index]!
            return (
              <tr key={keyOf(row)} aria-rowindex={index + 2} data-selected={isSelected?.(row) ?? false}>
                {columns.map(column => (
                  <td key={column.id} className={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            )
          })}
          {below > 0 && <Room height={below} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  )
}

const classOf = <Row,>({ align, pinned }: GridColumn<Row>): string | undefined =>
  [align, pinned && 'pinned'].filter(Boolean).join(' ') || undefined

function Head<Row>({ column }: { column: GridColumn<Row> }) {
  const { title, onSort, sorted } = column
  return (
    <th scope="col" className={classOf(column)} aria-sort={sorted}>
      {onSort ? (
        <button type="button" className="sort" onClick={onSort}>
          <span className="clip">{title}</span>
          {sorted === 'ascending' && <ArrowUp size={12} aria-hidden />}
          {sorted === 'descending' && <ArrowDown size={12} aria-hidden />}
        </button>
      ) : (
        title
      )}
    </th>
  )
}

/** The height of rows that are out of sight. */
const Room = ({ height, columns }: { height: number; columns: number }) => (
  <tr aria-hidden className="room">
    {/* It stands for rows, and says nothing. */}
    {/* oxlint-disable-next-line jsx-a11y/control-has-associated-label */}
    <td colSpan={columns} style={{ height }} />
  </tr>
)
