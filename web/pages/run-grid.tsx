import { CornerDownRight } from 'lucide-react'
import { useMemo } from 'react'
import { number } from '../format.ts'
import { trackingRunPath } from '../paths.ts'
import { columnText, fieldOf, nested, nextOrder, sortingOf, type LoggedColumn, type Nested } from '../run-query.ts'
import { To } from '../shell/link.tsx'
import { Grid, type GridColumn } from '../ui/grid.tsx'
import { State } from '../ui/state.tsx'
import { Ago, Took } from '../ui/time.tsx'
import type { RunRow } from '../wire.ts'

interface RunGridProps {
  readonly rows: readonly RunRow[]
  readonly columns: readonly LoggedColumn[]
  readonly order: string | undefined
  readonly onOrder: (order: string | undefined) => void
  readonly chosen: ReadonlySet<string>
  readonly onChoose: (chosen: ReadonlySet<string>) => void
}

/** Runs as rows: what they are, then what of their metrics, params and tags is asked for. */
export function RunGrid({ rows, columns, order, onOrder, chosen, onChoose }: RunGridProps) {
  // In an order of the reader's own, a nested run stands where its value puts it.
  const shown = useMemo(
    () => (order === undefined ? nested(rows) : rows.map(row => ({ row, depth: row.parent === undefined ? 0 : 1 }))),
    [rows, order],
  )
  const sorting = sortingOf(order)
  const sort = (field: string): Pick<GridColumn<Nested>, 'onSort' | 'sorted'> => ({
    onSort: () => onOrder(nextOrder(order, field)),
    sorted: sorting?.field === field ? (sorting.isDescending ? 'descending' : 'ascending') : undefined,
  })
  const toggle = (id: string): void => onChoose(chosen.symmetricDifference(new Set([id])))
  const all: readonly GridColumn<Nested>[] = [
    {
      id: 'choose',
      title: <span className="hidden">Compare</span>,
      width: 38,
      pinned: true,
      cell: ({ row: { id, name } }) => (
        <input type="checkbox" aria-label={`Compare ${name}`} checked={chosen.has(id)} onChange={() => toggle(id)} />
      ),
    },
    { id: 'name', title: 'Run', width: 210, pinned: true, cell: nameOf, ...sort('attributes.run_name') },
    {
      id: 'status',
      title: 'State',
      width: 112,
      cell: ({ row }) => <RunState status={row.status} />,
      ...sort('attributes.status'),
    },
    {
      id: 'started',
      title: 'Started',
      width: 104,
      cell: ({ row }) => <Ago at={row.startedAt} />,
      ...sort('attributes.start_time'),
    },
    { id: 'took', title: 'Took', width: 96, cell: ({ row }) => <RunTook run={row} /> },
    { id: 'user', title: 'By', width: 92, cell: ({ row }) => row.user, ...sort('attributes.user_id') },
    ...columns.map(column => ({
      id: columnText(column),
      title: <span title={columnText(column)}>{column.key}</span>,
      width: column.kind === 'metrics' ? 112 : 132,
      ...(column.kind === 'metrics' && { align: 'right' as const }),
      cell: ({ row }: Nested) => valueOf(row, column),
      ...sort(fieldOf(column)),
    })),
  ]
  return (
    <Grid
      label="Runs"
      rows={shown}
      columns={all}
      keyOf={({ row }) => row.id}
      isSelected={({ row }) => chosen.has(row.id)}
    />
  )
}

const nameOf = ({ row, depth }: Nested) => (
  <span className="run-name" style={{ paddingLeft: Math.min(depth, 4) * 14 }}>
    {depth > 0 || row.parent !== undefined ? (
      <CornerDownRight size={13} className="muted" aria-label="nested" role="img" />
    ) : undefined}
    <span className="clip strong" title={`${row.name} ${row.id}`}>
      <To to={trackingRunPath(row.experiment, row.id)}>{row.name || row.id}</To>
    </span>
    {row.lifecycle === 'deleted' && <span className="muted small">deleted</span>}
  </span>
)

/** In the platform's words for states. */
export const RunState = ({ status }: { status: RunRow['status'] }) => <State state={status.toLowerCase()} />

/** A client that was killed never says so: what has no end and does not run took no known time. */
export const RunTook = ({ run }: { run: Pick<RunRow, 'status' | 'startedAt' | 'endedAt'> }) =>
  run.endedAt === undefined && run.status !== 'RUNNING' ? (
    <span className="muted">–</span>
  ) : (
    <Took from={run.startedAt} to={run.endedAt} />
  )

function valueOf(row: RunRow, { kind, key }: LoggedColumn) {
  if (kind !== 'metrics') return <span title={row[kind][key]}>{row[kind][key]}</span>
  const value = row.metrics[key]
  if (value === undefined) return undefined
  return value === null ? <span className="muted">NaN</span> : <span title={String(value)}>{number(value)}</span>
}
