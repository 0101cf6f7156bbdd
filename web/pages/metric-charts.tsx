import { useIntersection } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { historiesOf } from '../api-tracking.ts'
import { Skeleton } from '../ui/card.tsx'
import { LazyMetricPlot, type Along } from '../ui/charts/index.tsx'
import { colourOf } from '../ui/charts/metric-lines.ts'
import { Trouble } from '../ui/trouble.tsx'
import type { History } from '../wire.ts'

/** A run as a line: its place among the runs gives its colour, the same in every chart. */
export interface ChartRun {
  readonly id: string
  readonly name: string
}

interface MetricChartsProps {
  readonly runs: readonly ChartRun[]
  readonly keys: readonly string[]
  readonly along: Along
  readonly isLog: boolean
  readonly isLive: boolean
}

const shownFirst = 12

/** A chart for each metric. Those out of sight are not fetched. */
export function MetricCharts({ keys, ...how }: MetricChartsProps) {
  const [limit, setLimit] = useState(shownFirst)
  const [wanted, setWanted] = useState('')
  const found = keys.filter(key => key.toLowerCase().includes(wanted.toLowerCase()))
  return (
    <div className="stack">
      {keys.length > shownFirst && (
        <input
          type="search"
          className="select"
          aria-label="Find a metric"
          placeholder={`Find one of ${keys.length} metrics`}
          value={wanted}
          onChange={event => setWanted(event.currentTarget.value)}
        />
      )}
      <div className="metric-charts">
        {found.slice(0, limit).map(key => (
          <MetricChart key={key} metric={key} {...how} />
        ))}
      </div>
      {found.length > limit && (
        <div className="row">
          <button type="button" className="tag" onClick={() => setLimit(limit + shownFirst)}>
            {found.length - limit} more
          </button>
        </div>
      )}
    </div>
  )
}

const height = 210
const liveMs = 5_000

function MetricChart({ metric, ...how }: Omit<MetricChartsProps, 'keys'> & { metric: string }) {
  const { ref, entry } = useIntersection<HTMLElement>({ rootMargin: '300px' })
  const [wasSeen, setSeen] = useState(false)
  const isSeen = entry?.isIntersecting ?? false
  if (isSeen && !wasSeen) setSeen(true)
  return (
    <section ref={ref} className="metric-chart" aria-label={metric}>
      <h3 className="clip" title={metric}>
        {metric}
      </h3>
      {wasSeen ? <Histories metric={metric} {...how} isLive={how.isLive && isSeen} /> : <div style={{ height }} />}
    </section>
  )
}

function Histories({ metric, runs, along, isLog, isLive }: Omit<MetricChartsProps, 'keys'> & { metric: string }) {
  const [part, setPart] = useState<{ from: number; to: number }>()
  const scale = along === 'time' ? 1_000 : 1
  const { data, error } = useQuery({
    ...historiesOf({
      runs: runs.map(({ id }) => id),
      keys: [metric],
      axis: along,
      from: part && Math.floor(part.from * scale),
      to: part && Math.ceil(part.to * scale),
    }),
    placeholderData: keepPreviousData,
    refetchInterval: isLive && liveMs,
  })
  const lines = useMemo(() => linesOf(data?.items ?? [], runs, scale), [data, runs, scale])
  if (error) return <Trouble error={error} />
  if (!data) return <Skeleton lines={6} />
  if (lines.length === 0) return <p className="muted small">No run here has logged it.</p>
  return (
    <>
      <LazyMetricPlot
        label={`${metric} by ${along}`}
        lines={lines}
        along={along}
        isLog={isLog}
        height={height}
        onZoom={setPart}
      />
      {part && (
        <button type="button" className="tag metric-whole" onClick={() => setPart(undefined)}>
          All of it
        </button>
      )}
    </>
  )
}

/** Times in seconds, as the chart's axis counts them. */
const linesOf = (histories: readonly History[], runs: readonly ChartRun[], scale: number) =>
  histories
    .map(history => ({ history, index: runs.findIndex(({ id }) => id === history.run) }))
    .filter(({ history, index }) => index >= 0 && history.at.length > 0)
    .map(({ history, index }) => ({
      id: history.run,
      label: runs[index]!.name,
      color: colourOf(index),
      at: scale === 1 ? history.at : history.at.map(at => at / scale),
      last: history.last,
      low: history.low,
      high: history.high,
    }))

interface ChartChoicesProps {
  readonly along: Along
  readonly isLog: boolean
  readonly onChange: (change: { axis?: string | undefined; scale?: string | undefined }) => void
}

export const alongOf = (axis: string | undefined): Along => (axis === 'time' || axis === 'elapsed' ? axis : 'step')

/** How all charts of a page are drawn. */
export const ChartChoices = ({ along, isLog, onChange }: ChartChoicesProps) => (
  <>
    <select
      className="select"
      aria-label="Horizontal axis"
      value={along}
      onChange={({ currentTarget: { value } }) => onChange({ axis: value === 'step' ? undefined : value })}
    >
      <option value="step">By step</option>
      <option value="elapsed">By time since start</option>
      <option value="time">By wall clock</option>
    </select>
    <label className="check">
      <input type="checkbox" checked={isLog} onChange={() => onChange({ scale: isLog ? undefined : 'log' })} />
      Log scale
    </label>
  </>
)
