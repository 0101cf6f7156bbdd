import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { monitorsOf, windowOf, windowsOf } from '../api.ts'
import { dayOf, number, percent, shortId } from '../format.ts'
import { deploymentPath, lineagePath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Told } from '../shell/told.tsx'
import { Card, Facts, Skeleton } from '../ui/card.tsx'
import { heatRows } from '../ui/charts/heat.ts'
import { HeatMap } from '../ui/charts/heat-map.tsx'
import { Overlay } from '../ui/charts/overlay.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, words } from '../ui/state.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Monitor, MonitorWindow, Signal } from '../wire.ts'
import { PerformanceCard } from './performance-card.tsx'

const here = '/p/$project/monitors/$deployment'

/** What is drifting, since when, and does it hurt? */
export function MonitorPage() {
  const { project, deployment } = useParams({ from: here })
  const { data: monitors } = useSuspenseQuery(monitorsOf(project))
  const { data } = useSuspenseQuery(windowsOf(deployment))
  const monitor = monitors.items.find(each => each.deployment === deployment)
  // Answers are newest first; time runs to the right.
  const windows = useMemo(() => data.items.toReversed(), [data.items])
  return (
    <Page
      title={deployment}
      above={[
        [project, `/p/${project}`],
        ['Monitors', `/p/${project}/monitors`],
      ]}
      badge={monitor && <State state={monitor.state} />}
      lede={
        <>
          Watches the deployment <To to={deploymentPath(project, deployment)}>{deployment}</To>
        </>
      }
    >
      {monitor && <About monitor={monitor} />}
      {windows.length === 0 ? <NoWindow project={project} deployment={deployment} /> : <Windows windows={windows} />}
    </Page>
  )
}

const About = ({ monitor }: { monitor: Monitor }) => (
  <Card>
    <Facts
      facts={{
        Reference: <Told text={monitor.reference} project={monitor.project} />,
        Metric: monitor.metric,
        Predictions: number(monitor.predictions),
        'With known truth': `${number(monitor.labelled)}, ${percent(monitor.labelled / Math.max(1, monitor.predictions))}`,
        'Waiting for their window': number(monitor.pendingRows),
      }}
    />
  </Card>
)

const NoWindow = ({ project, deployment }: { project: string; deployment: string }) => (
  <Card>
    <Empty
      title="No window has closed yet"
      commands={[
        useCommands(project).predict,
        `curl -X POST ${location.origin}/api/v1/deployments/${deployment}/truth -H 'content-type: application/json' -d '{"items":[{"prediction":"<id>","value":1}]}'`,
      ]}
    >
      A window closes when it is a day of event time long and has enough predictions. Send predictions, and their truth
      when it is known:
    </Empty>
  </Card>
)

function Windows({ windows }: { windows: readonly MonitorWindow[] }) {
  const search = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const rows = useMemo(() => heatRows(windows), [windows])
  const newest = windows.at(-1)!
  const window = windows.find(({ id }) => id === search.window) ?? newest
  const signal = window.signals.find(({ name }) => name === search.signal) ?? worstOf(window)
  const marks = windows.map((each, index) =>
    index > 0 && each.revision !== windows[index - 1]!.revision ? `New revision ${shortId(each.revision)}` : undefined,
  )
  return (
    <>
      <PerformanceCard windows={windows} />
      <Card title="Signals by window" note="colour is score over threshold; choose a cell for its distributions" flush>
        <HeatMap
          rows={rows}
          marks={marks}
          selected={signal && { window: window.id, name: signal.name }}
          onSelect={cell =>
            void navigate({
              search: { window: cell.window.id, signal: cell.signal.name },
              replace: true,
              resetScroll: false,
            })
          }
        />
        <HeatLegend />
      </Card>
      {signal && <SignalCard window={window} signal={signal} />}
    </>
  )
}

const rank: Readonly<Record<Signal['state'], number>> = { alarm: 3, warn: 2, ok: 1, insufficient: 0 }
const worstOf = (window: MonitorWindow): Signal | undefined =>
  window.signals.toSorted(
    (a, b) =>
      Number(b.bins !== undefined) - Number(a.bins !== undefined) ||
      rank[b.state] - rank[a.state] ||
      (b.importance ?? 0) - (a.importance ?? 0),
  )[0]

const HeatLegend = () => (
  <div className="heat-legend">
    <span>
      <svg width="112" height="14" aria-hidden>
        {[0, 1, 2, 3, 4, 5, 6].map(step => (
          <rect key={step} x={step * 16} width="14" height="14" rx="2" className={`heat-${step}`} />
        ))}
        <circle cx="87" cy="7" r="2.4" className="heat-alarm" />
        <circle cx="103" cy="7" r="2.4" className="heat-alarm" />
      </svg>{' '}
      0 to 2 × threshold, a dot from 1 on
    </span>
    <span>
      <svg width="14" height="14" aria-hidden>
        <rect width="14" height="14" rx="2" fill="url(#hatch)" />
      </svg>{' '}
      too few rows to say
    </span>
    <span>▾ new revision</span>
  </div>
)

/** One signal in one window. A list leaves bins out of its windows, so the window is read whole when it has none. */
function SignalCard({ window, signal }: { window: MonitorWindow; signal: Signal }) {
  const { project } = useParams({ from: here })
  const { data, error, isPending } = useQuery({ ...windowOf(window.id), enabled: signal.bins === undefined })
  const bins = signal.bins ?? data?.signals.find(({ kind, name }) => kind === signal.kind && name === signal.name)?.bins
  return (
    <Card
      title={`${signal.name}, ${dayOf(window.from)} to ${dayOf(window.to)}`}
      note={words(signal.kind)}
      actions={
        <>
          <State state={signal.state} label={signal.state === 'insufficient' ? 'too few rows' : signal.state} />
          <To to={lineagePath(window.id)}>Lineage</To>
        </>
      }
    >
      <div className="split-wide">
        <div>
          {bins && <Overlay bins={bins} name={signal.name} />}
          {!bins && error && <Trouble error={error} />}
          {!bins && !error && isPending && signal.bins === undefined && <Skeleton />}
          {!bins && !error && !isPending && <p className="muted small">This signal has no distribution.</p>}
        </div>
        <div className="stack">
          <Facts
            facts={{
              Score: <span className="figure">{number(signal.score)}</span>,
              Threshold: <span className="figure muted">{number(signal.threshold)}</span>,
              Importance:
                signal.importance === undefined ? undefined : (
                  <span className="figure muted">{percent(signal.importance)}</span>
                ),
            }}
          />
          <p className="small soft">{signal.because}</p>
          <Facts
            facts={{
              Rows: number(window.rows),
              'Compared with': <Told text={window.reference} project={project} />,
              Revision: <Ref id={window.revision} project={project} />,
            }}
          />
        </div>
      </div>
    </Card>
  )
}
