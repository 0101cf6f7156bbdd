import { lazy, Suspense } from 'react'
import type { MetricPlotProps } from './metric-plot.tsx'
import type { TimePlotProps } from './time-plot.tsx'

const TimePlot = lazy(async () => ({ default: (await import('./time-plot.tsx')).TimePlot }))
const MetricPlot = lazy(async () => ({ default: (await import('./metric-plot.tsx')).MetricPlot }))

export type { Line } from './time-plot.tsx'
export type { Along } from './metric-plot.tsx'

/** A time chart, fetched when the first one is shown. */
export const LazyTimePlot = (props: TimePlotProps) => (
  <Suspense fallback={<div className="plot" style={{ height: props.height ?? 200 }} />}>
    <TimePlot {...props} />
  </Suspense>
)

/** A chart of metrics, fetched when the first one is shown. */
export const LazyMetricPlot = (props: MetricPlotProps) => (
  <Suspense fallback={<div className="plot" style={{ height: props.height ?? 220 }} />}>
    <MetricPlot {...props} />
  </Suspense>
)
