import uPlot from 'uplot'
import { useEffect, useRef } from 'react'
import { clockOf, dayAndClockOf, duration, instant, number } from '../../format.ts'
import { aligned, hasBand, type MetricLine } from './metric-lines.ts'
import { inkOf, keepPlot, padding, sideOf } from './plot-place.ts'

/** What the horizontal axis counts. */
export type Along = 'step' | 'elapsed' | 'time'

type Zoomed = { readonly from: number; readonly to: number } | undefined

export interface MetricPlotProps {
  readonly label: string
  readonly lines: readonly MetricLine[]
  readonly along: Along
  readonly isLog?: boolean
  readonly height?: number
  /** A part of the axis was chosen; undefined: all of it again. */
  readonly onZoom?: (part: Zoomed) => void
}

/** Metrics of runs on one canvas: a line of last values, and a band from lowest to highest. Drag zooms, double click resets. */
export function MetricPlot({ label, lines, along, isLog = false, height = 220, onZoom }: MetricPlotProps) {
  const place = useRef<HTMLElement>(null)
  const zoom = useRef(onZoom)
  useEffect(() => {
    zoom.current = onZoom
  })
  useEffect(() => {
    const element = place.current!
    const { at, columns } = aligned(lines, isLog)
    const data = [at, ...columns] as unknown as uPlot.AlignedData
    const look = { element, lines, along, isLog, height, zoom: (part: Zoomed) => zoom.current?.(part) }
    return keepPlot(element, height, () => new uPlot(optionsOf(look), data, element))
  }, [lines, along, isLog, height])
  return <figure ref={place} className="plot metric-plot" aria-label={label} style={{ minHeight: height }} />
}

interface Look {
  readonly element: HTMLElement
  readonly lines: readonly MetricLine[]
  readonly along: Along
  readonly isLog: boolean
  readonly height: number
  readonly zoom: NonNullable<MetricPlotProps['onZoom']>
}

function optionsOf({ element, lines, along, isLog, height, zoom }: Look): uPlot.Options {
  const { token, axis } = inkOf(element)
  return {
    width: element.clientWidth,
    height,
    padding,
    scales: {
      // Of a single place uPlot says a range of its own, which begins there.
      x: { time: along === 'time', range: plot => placesOf(plot.data[0][0] ?? null, plot.data[0].at(-1) ?? null) },
      y: isLog ? { distr: 3 } : { range: (_, low, high) => rangeOf(low, high) },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 28, values: (_, ticks) => ticksOf(ticks, along) },
      { ...axis, size: sideOf(58), values: (_, ticks) => ticks.map(tick => (tick === null ? '' : number(tick))) },
    ],
    legend: { show: false },
    cursor: { points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
    hooks: hooksOf(lines, along, zoom),
    bands: lines.flatMap((line, index) =>
      hasBand(line)
        ? [{ series: [3 * index + 3, 3 * index + 2] as [number, number], fill: faint(token(line.color)) }]
        : [],
    ),
    series: [{}, ...lines.flatMap(line => seriesOf(token(line.color), line.at.length === 1))],
  }
}

/** The last values, then the edges of the band, which are not drawn. A run of one point is a point. */
const seriesOf = (stroke: string, isPoint: boolean): uPlot.Series[] => [
  { stroke, width: 1.5, points: { show: isPoint, size: 6 }, spanGaps: false },
  { width: 0, points: { show: false }, spanGaps: false },
  { width: 0, points: { show: false }, spanGaps: false },
]

const faint = (colour: string): string => `color-mix(in srgb, ${colour} 20%, transparent)`

const daySeconds = 86_400

/** Steps are whole, and between them is nothing; times of day say little about days. */
function ticksOf(ticks: readonly number[], along: Along): string[] {
  if (along === 'step') return ticks.map(tick => (Number.isInteger(tick) ? number(tick) : ''))
  if (along === 'elapsed') return ticks.map(duration)
  const isLong = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0) >= daySeconds
  return ticks.map(tick => (isLong ? dayAndClockOf : clockOf)(tick * 1_000))
}

const placeOf = (at: number, along: Along): string => {
  if (along === 'step') return `step ${number(at)}`
  return along === 'elapsed' ? `after ${duration(at)}` : instant(at * 1_000)
}

/** What is under the cursor, in words; and what was chosen by dragging. */
function hooksOf(lines: readonly MetricLine[], along: Along, zoom: Look['zoom']): uPlot.Hooks.Arrays {
  const tip = document.createElement('div')
  tip.className = 'plot-tip'
  tip.hidden = true
  const tell = (plot: uPlot): void => {
    const { idx, left = 0 } = plot.cursor
    tip.hidden = idx === null || idx === undefined || left < 0
    if (tip.hidden) return
    tip.replaceChildren(...linesOfTip(plot, lines, { index: idx!, along }))
    const isRight = left > plot.over.clientWidth / 2
    tip.style.left = isRight ? '' : `${left + 12}px`
    tip.style.right = isRight ? `${plot.over.clientWidth - left + 12}px` : ''
  }
  return {
    ready: [
      plot => {
        plot.over.append(tip)
        plot.over.addEventListener('dblclick', () => zoom(undefined))
      },
    ],
    setCursor: [tell],
    setSelect: [
      plot => {
        const { left, width } = plot.select
        if (width < 6) return
        zoom({ from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') })
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
      },
    ],
  }
}

const toldMax = 10

function linesOfTip(
  plot: uPlot,
  lines: readonly MetricLine[],
  { index, along }: { index: number; along: Along },
): readonly HTMLElement[] {
  const head = document.createElement('b')
  head.textContent = placeOf(plot.data[0][index]!, along)
  const rows = lines.flatMap((line, position) => {
    const near = nearest(plot.data[3 * position + 1]!, index)
    if (near === undefined) return []
    const row = document.createElement('span')
    const mark = document.createElement('i')
    mark.className = `mark ${line.color}`
    row.append(mark, `${line.label} `, Object.assign(document.createElement('em'), { textContent: number(near) }))
    return [row]
  })
  return [head, ...rows.slice(0, toldMax)]
}

/** The value at a place, or the last one before it: other lines have places of their own. */
function nearest(column: ArrayLike<number | null | undefined>, index: number): number | undefined {
  for (let at = index; at >= 0 && at > index - 200; at--) {
    const value = column[at]
    if (typeof value === 'number') return value
  }
  return undefined
}

/** A single place stands in the middle. */
const placesOf = (low: number | null, high: number | null): [number, number] => {
  if (low === null || high === null) return [0, 1]
  return low === high ? [low - 1, high + 1] : [low, high]
}

function rangeOf(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1]
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 1e-9)
  return [low - room, high + room]
}
