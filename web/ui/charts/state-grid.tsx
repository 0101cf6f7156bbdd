import { useState } from 'react'
import { duration } from '../../format.ts'
import { StateIcon, toneOf, words } from '../state.tsx'

interface Cell {
  readonly state: string
  readonly tookMs?: number | undefined
}

interface StateGridProps {
  readonly label: string
  /** Oldest first. */
  readonly columns: readonly (Cell & { readonly id: string; readonly label: string })[]
  /** A cell for each column; null where there was none. */
  readonly rows: readonly { readonly name: string; readonly cells: readonly (Cell | null)[] }[]
  readonly onSelect: (column: string, row?: string) => void
}

/** More rows are drawn when they are asked for. */
const rowsMax = 100

const told = ({ state, tookMs }: Cell): string =>
  tookMs === undefined ? words(state) : `${words(state)} in ${duration(tookMs)}`

/** What repeats, side by side: a column for each time, as tall as it took, and below it a square for each part of it. */
export function StateGrid({ label, columns, rows, onSelect }: StateGridProps) {
  const [isWhole, setWhole] = useState(false)
  const longest = Math.max(1, ...columns.map(({ tookMs = 0 }) => tookMs))
  const shown = isWhole ? rows : rows.slice(0, rowsMax)
  return (
    <div className="state-grid">
      <table aria-label={label}>
        <thead>
          <tr>
            <th scope="col" className="small muted">
              {duration(longest)}
            </th>
            {columns.map(column => (
              <th key={column.id} scope="col">
                <button
                  type="button"
                  className={`tone-${toneOf(column.state)}`}
                  title={`${column.label}: ${told(column)}`}
                  aria-label={`${column.label}: ${told(column)}`}
                  onClick={() => onSelect(column.id)}
                >
                  <i style={{ height: `${Math.max(4, ((column.tookMs ?? 0) / longest) * 100)}%` }} />
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, cells }) => (
            <tr key={name}>
              <th scope="row" className="clip" title={name}>
                {name}
              </th>
              {cells.map((cell, index) => (
                <td key={columns[index]!.id}>
                  {cell && (
                    <button
                      type="button"
                      className={`tone-${toneOf(cell.state)}`}
                      title={`${name}, ${columns[index]!.label}: ${told(cell)}`}
                      aria-label={`${name}, ${columns[index]!.label}: ${told(cell)}`}
                      onClick={() => onSelect(columns[index]!.id, name)}
                    >
                      <StateIcon state={cell.state} size={12} />
                    </button>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <button type="button" className="tag" onClick={() => setWhole(true)}>
          {rows.length - shown.length} more
        </button>
      )}
    </div>
  )
}
