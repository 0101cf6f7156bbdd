import { useElementSize, useMergedRef } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import { dayAndMonthOf, number } from '../../format.ts'
import { words } from '../state.tsx'
import { heatStep, ratioOf, type HeatCell, type HeatRow } from './heat.ts'

const cellSize = { width: 26, widthMax: 80, height: 22, gap: 2 }
const head = 26
/** Of the place, right of its cells; and of a date above them. */
const edge = 4
const dateWidth = 58

interface HeatMapProps {
  readonly rows: readonly HeatRow[]
  readonly selected?: { readonly window: string; readonly name: string } | undefined
  readonly onSelect: (cell: HeatCell) => void
  /** Windows at which something happened that explains a change: a new revision. */
  readonly marks: readonly (string | undefined)[]
}

/** What is measured × windows: colour is score over threshold, hatching means too few rows to say. Arrow keys walk. */
export function HeatMap({ rows, selected, onSelect, marks }: HeatMapProps) {
  const grid = useRef<SVGSVGElement>(null)
  const columns = rows[0]?.cells.length ?? 0
  const first = rows.findIndex(row => row.cells.some(Boolean))
  const chosen = rows.some(row => row.cells.some(cell => isSelected(cell, selected)))
  const move = (event: React.KeyboardEvent, rowIndex: number, column: number): void => {
    const [dr, dc] = steps[event.key] ?? [0, 0]
    if (dr === 0 && dc === 0) return
    event.preventDefault()
    grid.current?.querySelector<SVGElement>(`[data-at="${rowIndex + dr}/${column + dc}"]`)?.focus()
  }
  const { ref, width: place } = useElementSize<HTMLDivElement>()
  // Few windows share the width; many are scrolled.
  const pitch = Math.floor(Math.min(cellSize.widthMax, Math.max(cellSize.width, (place - edge) / Math.max(1, columns))))
  const width = columns * pitch
  const scroll = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // The newest window is at the right: that is where a narrow screen begins.
    scroll.current?.scrollTo({ left: width })
  }, [width])
  const height = head + rows.length * (cellSize.height + cellSize.gap)
  return (
    <div className="heat">
      <Names rows={rows} />
      <div ref={useMergedRef(ref, scroll)} className="heat-scroll">
        <svg ref={grid} width={width} height={height} role="grid" aria-label="Signals by window">
          <defs>
            <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="6" height="6" className="heat-thin" />
              <line x1="0" y1="0" x2="0" y2="6" className="heat-hatch" />
            </pattern>
          </defs>
          <Heads rows={rows} marks={marks} pitch={pitch} />
          {rows.map((row, rowIndex) => (
            <g
              key={row.kind + row.name}
              role="row"
              aria-label={row.name}
              transform={`translate(0 ${head + rowIndex * (cellSize.height + cellSize.gap)})`}
            >
              {row.cells.map(
                (cell, column) =>
                  cell && (
                    <Cell
                      key={cell.window.id}
                      cell={cell}
                      x={column * pitch}
                      width={pitch - cellSize.gap}
                      at={`${rowIndex}/${column}`}
                      isSelected={isSelected(cell, selected)}
                      isEntry={
                        chosen ? isSelected(cell, selected) : rowIndex === first && cell === row.cells.find(Boolean)
                      }
                      onSelect={onSelect}
                      onMove={event => move(event, rowIndex, column)}
                    />
                  ),
              )}
            </g>
          ))}
        </svg>
      </div>
    </div>
  )
}

const Names = ({ rows }: { rows: readonly HeatRow[] }) => (
  <div className="heat-names" aria-hidden>
    {rows.map(row => (
      <span key={row.kind + row.name} className="clip" title={`${words(row.kind)}: ${row.name}`}>
        {row.kind === 'feature_drift' ? (
          row.name
        ) : (
          <em>
            {row.kind === 'performance' || row.kind === 'prediction_drift'
              ? words(row.kind)
              : `${words(row.kind)} ${row.name}`}
          </em>
        )}
      </span>
    ))}
  </div>
)

const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}
const isSelected = (cell: HeatCell | undefined, selected: HeatMapProps['selected']): boolean =>
  cell !== undefined && cell.window.id === selected?.window && cell.signal.name === selected.name

interface HeadsProps {
  readonly rows: readonly HeatRow[]
  readonly marks: readonly (string | undefined)[]
  readonly pitch: number
}

function Heads({ rows, marks, pitch }: HeadsProps) {
  const every = Math.ceil(dateWidth / pitch)
  const windows = rows[0]?.cells.map((_, column) => rows.find(row => row.cells[column])?.cells[column]?.window) ?? []
  return windows.map((window, column) => {
    const x = column * pitch
    return (
      <g key={window?.id ?? column}>
        {window && column % every === 0 && (
          <text x={x} y={11} className="heat-date">
            {dayAndMonthOf(window.from)}
          </text>
        )}
        {marks[column] && (
          <path d={`M ${x + 4} 16 h 8 l -4 6 z`} className="heat-mark">
            <title>{marks[column]}</title>
          </path>
        )}
      </g>
    )
  })
}

interface CellProps {
  readonly cell: HeatCell
  readonly x: number
  readonly width: number
  readonly at: string
  readonly isSelected: boolean
  readonly isEntry: boolean
  readonly onSelect: (cell: HeatCell) => void
  readonly onMove: (event: React.KeyboardEvent) => void
}

function Cell({ cell, x, width, at, isSelected: selected, isEntry, onSelect, onMove }: CellProps) {
  const { signal, window } = cell
  const label = `${signal.name}, ${dayAndMonthOf(window.from)} to ${dayAndMonthOf(window.to)}: ${signal.state}, score ${number(signal.score)}, threshold ${number(signal.threshold)}`
  return (
    <g
      role="gridcell"
      tabIndex={isEntry ? 0 : -1}
      data-at={at}
      aria-label={label}
      aria-selected={selected}
      className="heat-cell"
      onClick={() => onSelect(cell)}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault()
          onSelect(cell)
        } else onMove(event)
      }}
    >
      <title>{label}</title>
      <rect
        x={x}
        width={width}
        height={cellSize.height}
        rx={3}
        {...(signal.state === 'insufficient'
          ? { fill: 'url(#hatch)' }
          : { className: `heat-${heatStep(ratioOf(signal))}` })}
      />
      {signal.state === 'alarm' && (
        <circle cx={x + width / 2} cy={cellSize.height / 2} r={2.6} className="heat-alarm" />
      )}
      {signal.state === 'warn' && <circle cx={x + width / 2} cy={cellSize.height / 2} r={2.4} className="heat-warn" />}
    </g>
  )
}
