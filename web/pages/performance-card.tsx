import { useMemo } from 'react'
import { dayOf, number, percent, signed } from '../format.ts'
import { Card, Facts } from '../ui/card.tsx'
import { LazyTimePlot, type Line } from '../ui/charts/index.tsx'
import { Prose } from '../ui/prose.tsx'
import type { MonitorWindow } from '../wire.ts'

/** What the model reached, what it should have reached with these scores, and what it reached before it went live. */
export function PerformanceCard({ windows }: { windows: readonly MonitorWindow[] }) {
  const measured = useMemo(() => windows.filter(({ performance }) => performance), [windows])
  const at = useMemo(() => measured.map(({ from, to }) => (from + to) / 2), [measured])
  const lines = useMemo<Line[]>(() => {
    const values = (name: 'realised' | 'expected' | 'reference'): (number | null)[] =>
      measured.map(({ performance }) => performance?.[name] ?? null)
    return [
      { label: 'realised', values: values('realised'), color: 'series-1', points: true },
      { label: 'expected from scores', values: values('expected'), color: 'series-2', dashed: true },
      { label: 'reference', values: values('reference'), color: 'reference', dashed: true },
    ]
  }, [measured])
  const last = measured.toReversed().find(({ performance }) => performance?.realised !== undefined) ?? measured.at(-1)
  if (!last?.performance) {
    return (
      <Card title="Performance">
        <p className="muted small">
          <Prose text="Unknown until truth arrives. Send it with `POST /api/v1/deployments/…/truth`." />
        </p>
      </Card>
    )
  }
  const { metric, realised, expected, reference, maturity, rows, z } = last.performance
  return (
    <Card title="Performance" note={`${metric} by window`}>
      <div className="split-wide">
        <LazyTimePlot
          label={`${metric}: realised, expected and reference by window`}
          at={at}
          lines={lines}
          height={210}
          utc
        />
        <div className="stack">
          <Facts
            facts={{
              Realised: <span className="figure">{realised === undefined ? '–' : number(realised)}</span>,
              Expected: <span className="figure muted">{expected === undefined ? '–' : number(expected)}</span>,
              Reference: <span className="figure muted">{reference === undefined ? '–' : number(reference)}</span>,
            }}
          />
          <Facts
            facts={{
              Window: `${dayOf(last.from)} to ${dayOf(last.to)}`,
              'Truth known for': `${number(rows)} rows, ${percent(maturity)} of the window`,
              'Loss above expected': z === undefined ? undefined : `${signed(z)} standard errors`,
            }}
          />
          <Maturity windows={windows} />
        </div>
      </div>
    </Card>
  )
}

/** How much of each window has its truth: a number that is young may still move. */
const Maturity = ({ windows }: { windows: readonly MonitorWindow[] }) => (
  <figure
    className="maturity"
    aria-label={`Share of truth known, oldest window first: ${windows.map(({ performance }) => percent(performance?.maturity ?? 0)).join(', ')}`}
  >
    {windows.map(({ id, performance, from }) => (
      <span key={id} title={`${dayOf(from)}: truth for ${percent(performance?.maturity ?? 0)}`}>
        <i style={{ height: `${(performance?.maturity ?? 0) * 100}%` }} />
      </span>
    ))}
    <em className="small muted">truth known, by window</em>
  </figure>
)
