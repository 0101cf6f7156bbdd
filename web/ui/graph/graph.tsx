import { useElementSize } from '@mantine/hooks'
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  type Edge,
  type Node,
  type NodeProps,
  type Viewport,
} from '@xyflow/react'
import { memo, useMemo, type ReactNode } from 'react'
import '@xyflow/react/dist/base.css'
import { layered, type GraphEdge, type Placed } from './layered.ts'

export interface Face {
  readonly id: string
  /** The class that gives the box its tone. */
  readonly tone: string
  readonly face: ReactNode
  readonly label: string
  readonly isSelected?: boolean
}

export interface GraphProps {
  readonly nodes: readonly Face[]
  readonly edges: readonly (GraphEdge & { readonly moving?: boolean })[]
  readonly label: string
  readonly onSelect: (id: string) => void
  readonly heightMax?: number
}

const box = { nodeWidth: 164, nodeHeight: 56, gapX: 36, gapY: 16 }
const heightMin = 128
/** For the buttons below the drawing. */
const foot = 64
const around = { top: '14px', right: '14px', bottom: '46px', left: '14px' } as const

const FaceNode = memo(({ data }: NodeProps<Node<{ face: Face }>>) => (
  <div className={`graph-node ${data.face.tone}`} data-selected={data.face.isSelected}>
    <Handle type="target" position={Position.Left} isConnectable={false} />
    {data.face.face}
    <Handle type="source" position={Position.Right} isConnectable={false} />
  </div>
))
FaceNode.displayName = 'FaceNode'

const nodeTypes = { face: FaceNode }

/** A directed graph from left to right. Loaded only where a graph is shown; every page that has one also has its list. */
export function Graph({ nodes, edges, label, onSelect, heightMax = 340 }: GraphProps) {
  const { ref, width } = useElementSize<HTMLElement>()
  const places = useMemo(() => new Map(layered(nodes, edges, box).map(placed => [placed.id, placed])), [nodes, edges])
  const shown: Node<{ face: Face }>[] = nodes.map(face => ({
    id: face.id,
    type: 'face',
    position: { x: places.get(face.id)?.x ?? 0, y: places.get(face.id)?.y ?? 0 },
    width: box.nodeWidth,
    height: box.nodeHeight,
    data: { face },
    ariaLabel: face.label,
  }))
  const lines: Edge[] = edges.map(({ from, to, moving }) => ({
    id: `${from}→${to}`,
    source: from,
    target: to,
    animated: moving ?? false,
    focusable: false,
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: 'var(--line-strong)' },
  }))
  const view = viewOf([...places.values()], { width, heightMax, focus: nodes.find(node => node.isSelected)?.id })
  const shape = `${nodes.map(({ id }) => id).join()}|${edges.length}`
  return (
    <section ref={ref} className="graph" style={{ height: view.height }} aria-label={label}>
      {width > 0 && (
        <ReactFlow
          key={`${shape}|${view.height}`}
          nodes={shown}
          edges={lines}
          nodeTypes={nodeTypes}
          {...(view.start
            ? { defaultViewport: view.start }
            : { fitView: true, fitViewOptions: { padding: around, maxZoom: 1 } })}
          minZoom={0.15}
          maxZoom={1.6}
          nodesDraggable={false}
          nodesConnectable={false}
          onlyRenderVisibleElements={nodes.length > 80}
          preventScrolling={false}
          zoomOnScroll={false}
          onNodeClick={(_, node) => onSelect(node.id)}
          onKeyDown={event => {
            const id =
              event.key === 'Enter' &&
              (event.target as HTMLElement).closest<HTMLElement>('.react-flow__node')?.dataset['id']
            if (id) onSelect(id)
          }}
        >
          <Background gap={18} size={1} color="var(--line)" />
          <Controls showInteractive={false} />
        </ReactFlow>
      )}
    </section>
  )
}

const between = (low: number, wanted: number, high: number): number => Math.min(high, Math.max(low, wanted))

const zoomReadable = 0.5
const zoomStart = 0.78

/**
 * As high as the drawing is once it is as wide as its place. Where that would be too small to read, as on a telephone,
 * it starts larger, at the chosen node, and is moved by dragging.
 */
function viewOf(
  places: readonly Placed[],
  { width, heightMax, focus }: { width: number; heightMax: number; focus: string | undefined },
): { height: number; start?: Viewport } {
  const wide = Math.max(1, ...places.map(({ x }) => x + box.nodeWidth))
  const high = Math.max(1, ...places.map(({ y }) => y + box.nodeHeight))
  const fitting = Math.min(1, width / (wide * 1.08))
  const zoom = fitting < zoomReadable ? zoomStart : fitting
  const height = Math.min(heightMax, Math.max(heightMin, Math.round(high * zoom) + foot))
  if (fitting >= zoomReadable) return { height }
  const centre = places.find(({ id }) => id === focus) ?? places[0]!
  const x = between(width - 16 - wide * zoom, width / 2 - (centre.x + box.nodeWidth / 2) * zoom, 16)
  const y = between(height - foot - high * zoom, (height - foot) / 2 - (centre.y + box.nodeHeight / 2) * zoom, 12)
  return { height, start: { zoom, x, y } }
}
