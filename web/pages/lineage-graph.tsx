import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { lineageOf } from '../api.ts'
import { inline, instant, plural } from '../format.ts'
import { withoutDetails } from '../lineage.ts'
import { lineagePath, pathOf } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Empty } from '../ui/empty.tsx'
import { LazyGraph } from '../ui/graph/index.tsx'
import { words } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { Lineage, LineageNode } from '../wire.ts'

const drawnMax = 150

/** The ledger around one thing, as a graph from the oldest at the left, or as a list. */
export function LineageGraph({
  id,
  direction,
  height = 380,
}: {
  id: string
  direction: 'up' | 'down' | 'both'
  height?: number
}) {
  const { data } = useSuspenseQuery(lineageOf(id, direction))
  const [isFull, setFull] = useState(false)
  const [isList, setList] = useState(false)
  const navigate = useNavigate()
  const shown = useMemo(() => (isFull ? data : withoutDetails(data)), [data, isFull])
  if (data.nodes.length === 0)
    return (
      <Empty title="The ledger does not know this id">Ids start with the kind of the thing, `run_` or `mdv_`.</Empty>
    )
  const tooMany = shown.nodes.length > drawnMax
  return (
    <>
      <div className="card-body row small">
        <span className="muted">
          {plural(shown.nodes.length, 'thing')}
          {data.truncated && ', and more beyond what is shown'}
          {tooMany && ': too many to draw, so they are listed'}
        </span>
        <span className="row push">
          <button type="button" className="tag" aria-pressed={isFull} onClick={() => setFull(!isFull)}>
            {isFull ? 'Hide tasks and files' : 'Show tasks and files'}
          </button>
          <button type="button" className="tag" aria-pressed={isList} onClick={() => setList(!isList)}>
            {isList ? 'As a graph' : 'As a list'}
          </button>
        </span>
      </div>
      {isList || tooMany ? (
        <Table
          label="Lineage"
          rows={shown.nodes}
          columns={columns}
          keyOf={node => node.id}
          selected={id}
          empty={undefined}
        />
      ) : (
        <Drawing lineage={shown} height={height} onSelect={node => void navigate({ to: lineagePath(node) as '/' })} />
      )}
    </>
  )
}

function Drawing({ lineage, height, onSelect }: { lineage: Lineage; height: number; onSelect: (id: string) => void }) {
  const nodes = useMemo(
    () =>
      lineage.nodes.map(node => ({
        id: node.id,
        tone: toneOfKind(node.kind),
        label: `${words(node.kind)} ${node.label}`,
        isSelected: node.id === lineage.root,
        face: (
          <>
            <small>{words(node.kind)}</small>
            <b title={node.label}>
              <span className="clip">{node.label}</span>
            </b>
          </>
        ),
      })),
    [lineage],
  )
  // An edge of the ledger points upstream; the drawing flows the other way.
  const edges = useMemo(() => lineage.edges.map(({ from, to }) => ({ from: to, to: from })), [lineage])
  return (
    <LazyGraph nodes={nodes} edges={edges} label="Lineage, oldest at the left" onSelect={onSelect} heightMax={height} />
  )
}

const toneOfKind = (kind: LineageNode['kind']): string => {
  if (kind === 'incident') return 'tone-fail'
  if (kind === 'model_version' || kind === 'deployment_revision' || kind === 'promotion') return 'tone-ok'
  return kind === 'feedback_item' || kind === 'window' ? 'tone-warn' : 'tone-none'
}

const columns: readonly Column<LineageNode>[] = [
  { title: 'Kind', cell: ({ kind }) => words(kind) },
  {
    title: 'Thing',
    cell: ({ id, label, project }) => (
      <span className="strong">
        <To to={pathOf(id, project)}>{label}</To>
      </span>
    ),
  },
  {
    title: 'Facts',
    cell: ({ facts }) => (
      <span className="small soft">
        {Object.entries(facts)
          .slice(0, 3)
          .map(([name, value]) => `${name} ${inline(value)}`)
          .join(' · ')}
      </span>
    ),
    wide: true,
  },
  {
    title: 'When',
    cell: ({ at }) => <span className="small muted nowrap">{instant(at)}</span>,
    align: 'right',
    wide: true,
  },
]
