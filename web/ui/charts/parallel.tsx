import { useElementSize } from '@mantine/hooks'
import { useState, type PointerEvent } from 'react'

export interface ParallelLine {
  readonly id: string
  readonly label: string
  /** From the foot of each axis; undefined where it has no place. */
  readonly at: readonly (number | undefined)[]
  /** Drawn over the others. */
  readonly isBest: boolean
  readonly isChosen: boolean
}

interface Axis {
  readonly name: string
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

type Part = readonly [from: number, to: number]

interface ParallelProps {
  readonly label: string
  readonly axes: readonly Axis[]
  readonly lines: readonly ParallelLine[]
  readonly brushes: ReadonlyMap<string, Part>
  readonly onBrush: (axis: string, part: Part | undefined) => void
}

const height = 300
const head = 30
const foot = 34
const inner = height - head - foot
const axisMin = 92

/** Each line one trial, each upright axis a parameter: dragging along an axis chooses a part of it, a click chooses all. */
export function Parallel({ label, axes, lines, brushes, onBrush }: ParallelProps) {
  const { ref, width: seen } = useElementSize<HTMLElement>()
  const width = Math.max(seen, axes.length * axisMin)
  const x = (index: number): number => 46 + (index / Math.max(1, axes.length - 1)) * (width - 92)
  const y = (at: number | undefined): number => (at === undefined ? height - 8 : head + (1 - at) * inner)
  const shapes = lines.toSorted((a, b) => rank(a) - rank(b))
  return (
    // A scrolled region must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <figure ref={ref} className="plot parallel" aria-label={label} tabIndex={0}>
      <svg width={width} height={height} role="img" aria-label={label}>
        {shapes.map(line => (
          <polyline
            key={line.id}
            className={`parallel-line${line.isBest ? ' best' : ''}${line.isChosen ? '' : ' out'}`}
            points={line.at.map((at, index) => `${x(index)},${y(at)}`).join(' ')}
          >
            <title>{line.label}</title>
          </polyline>
        ))}
        {axes.map((axis, index) => (
          <AxisLine
            key={axis.name}
            axis={axis}
            x={x(index)}
            y={y}
            brush={brushes.get(axis.name)}
            onBrush={part => onBrush(axis.name, part)}
          />
        ))}
      </svg>
    </figure>
  )
}

const rank = ({ isBest, isChosen }: ParallelLine): number => (isChosen ? 1 : 0) * 2 + (isBest ? 1 : 0)

/** The ends of an axis are easily reached. */
const snapped = (at: number): number => (at < 0.02 ? 0 : at > 0.98 ? 1 : at)

interface AxisLineProps {
  readonly axis: Axis
  readonly x: number
  readonly y: (at: number | undefined) => number
  readonly brush: Part | undefined
  readonly onBrush: (part: Part | undefined) => void
}

function AxisLine({ axis, x, y, brush, onBrush }: AxisLineProps) {
  const [began, setBegan] = useState<number>()
  const [now, setNow] = useState<number>()
  const placeOf = (event: PointerEvent<SVGElement>): number => {
    const top = event.currentTarget.ownerSVGElement!.getBoundingClientRect().top
    return snapped(1 - (event.clientY - top - head) / inner)
  }
  const drawn: Part | undefined =
    began !== undefined && now !== undefined ? [Math.min(began, now), Math.max(began, now)] : brush
  return (
    <g>
      <line className="parallel-axis" x1={x} x2={x} y1={y(1)} y2={y(0)} />
      <text className="parallel-name" x={x} y={14} textAnchor="middle">
        {axis.name.length > 14 ? `${axis.name.slice(0, 13)}…` : axis.name}
        <title>{axis.name}</title>
      </text>
      {axis.ticks.length <= 12 &&
        axis.ticks.map(({ at, text }) => (
          <text key={text} className="study-tick halo" x={x + 5} y={y(at) + 4}>
            {text.length > 9 ? `${text.slice(0, 8)}…` : text}
          </text>
        ))}
      {drawn && (
        <rect
          className="parallel-brush"
          x={x - 9}
          width={18}
          y={y(drawn[1])}
          height={Math.max(2, y(drawn[0]) - y(drawn[1]))}
        />
      )}
      <rect
        className="parallel-grip"
        x={x - 16}
        width={32}
        y={head}
        height={inner}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          setBegan(placeOf(event))
          setNow(placeOf(event))
        }}
        onPointerMove={event => began !== undefined && setNow(placeOf(event))}
        onPointerUp={event => {
          const to = placeOf(event)
          const from = began ?? to
          setBegan(undefined)
          onBrush(Math.abs(to - from) < 0.02 ? undefined : [Math.min(from, to), Math.max(from, to)])
        }}
        onPointerCancel={() => setBegan(undefined)}
      />
    </g>
  )
}
