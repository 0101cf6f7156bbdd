import uPlot from 'uplot'
import { useEffect, useRef } from 'react'
import { clockOf, dayAndMonthOf, dayOf, duration, number } from '../../format.ts'
import { inkOf, keepPlot, padding, sideOf } from './plot-place.ts'

export interface Line {
  readonly label: string
  /** One value per instant; null is a gap and is drawn as one. */
  readonly values: readonly (number | null)[]
  /** A colour token: `series-1`, `fail`, `reference`. */
  readonly color: string
  readonly dashed?: boolean
  readonly points?: boolean
  /** A bar for each instant rather than a line through them. */
  readonly bars?: boolean
}

export interface TimePlotProps {
  readonly label: string
  /** Milliseconds since the epoch, growing. */
  readonly at: readonly number[]
  readonly lines: readonly Line[]
  readonly height?: number
  /** Calendar of event time (UTC), or of the reader. */
  readonly utc?: boolean
  /** `at` counts from the start of something, not from the epoch. */
  readonly elapsed?: boolean
  readonly fromZero?: boolean
}

/** Lines over time on one canvas. Drag zooms, double click resets. Follows the theme and the width of its place. */
export function TimePlot({
  label,
  at,
  lines,
  height = 200,
  utc = false,
  elapsed = false,
  fromZero = false,
}: TimePlotProps) {
  const place = useRef<HTMLElement>(null)
  useEffect(() => {
    const element = place.current!
    const data: uPlot.AlignedData = [at.map(instant => instant / 1_000), ...lines.map(line => [...line.values])]
    const look = { element, lines, height, utc, elapsed, fromZero }
    return keepPlot(element, height, () => new uPlot(optionsOf(look), data, element))
  }, [at, lines, height, utc, elapsed, fromZero])
  return <figure ref={place} className="plot" aria-label={label} />
}

type Look = Pick<TimePlotProps, 'lines'> & {
  element: HTMLElement
  height: number
  utc: boolean
  elapsed: boolean
  fromZero: boolean
}

function optionsOf({ element, lines, height, utc, elapsed, fromZero }: Look): uPlot.Options {
  const { token, axis } = inkOf(element)
  return {
    width: element.clientWidth,
    height,
    padding,
    ...(utc ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') } : {}),
    scales: { x: { time: !elapsed }, y: { range: (_, low, high) => rangeOf(low, high, fromZero) } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        values: (_, ticks) => ticks.map(tick => (elapsed ? duration : utc ? dayAndMonthOf : clockOf)(tick * 1_000)),
      },
      { ...axis, size: sideOf(52), values: (_, ticks) => ticks.map(number) },
    ],
    legend: { live: true },
    cursor: { points: { size: 7 } },
    // The legend reads the newest instant until one is pointed at.
    hooks: { ready: [readNewest], setCursor: [plot => plot.cursor.idx == null && readNewest(plot)] },
    series: [
      {
        label: elapsed ? 'after' : utc ? 'day' : 'at',
        value: (_, at) => (at === null ? '–' : (elapsed ? duration : utc ? dayOf : clockOf)(at * 1_000)),
      },
      ...lines.map(line => ({
        label: line.label,
        stroke: token(line.color),
        width: line.dashed ? 1.2 : 1.75,
        ...(line.dashed ? { dash: [5, 4] } : {}),
        ...(line.bars ? { fill: token(line.color), width: 0, paths: uPlot.paths.bars!({ size: [0.75, 24] }) } : {}),
        points: { show: line.points ?? false, size: 5 },
        spanGaps: false,
        value: (_: uPlot, value: number | null) => (value === null || value === undefined ? '–' : number(value)),
      })),
    ],
  }
}

const readNewest = (plot: uPlot): void => plot.setLegend({ idx: plot.data[0].length - 1 }, false)

function rangeOf(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1]
  const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.02, 1e-6)
  return [fromZero ? 0 : low - room, high + room]
}
