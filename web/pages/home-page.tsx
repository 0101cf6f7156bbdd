import { useMediaQuery } from '@mantine/hooks'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { CircleX, ShieldCheck, TriangleAlert, type LucideIcon } from 'lucide-react'
import { loop, modelsOf, projects } from '../api.ts'
import { number } from '../format.ts'
import { EventList } from '../shell/event-list.tsx'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card } from '../ui/card.tsx'
import { Command } from '../ui/copy.tsx'
import { worry } from '../ui/loop/geometry.ts'
import { LoopMatrix } from '../ui/loop/matrix.tsx'
import { LoopLine, LoopRing } from '../ui/loop/ring.tsx'
import type { Loop, LoopItem } from '../wire.ts'

/** Is the loop turning, and where is it stuck? */
export function HomePage() {
  const { data } = useSuspenseQuery(loop)
  if (data.items.length === 0) return <FirstSteps />
  const only = data.items.length === 1 ? data.items[0] : undefined
  return (
    <Page title="The loop" actions={<Attention loop={data} />}>
      <Card flush={!only}>{only ? <LoopOf item={only} /> : <Loops items={data.items} />}</Card>
      <Begun />
      <Panel title="What happened" flush lines={8}>
        <EventList showProject={!only} />
      </Panel>
    </Page>
  )
}

/** Projects that cannot turn yet. */
function Begun() {
  const { data } = useQuery(projects)
  const begun = data?.begun ?? []
  if (begun.length === 0) return null
  return (
    <Card title="Without a project file" note="begun with an import or a repository">
      <span className="row">
        {begun.map(name => (
          <To key={name} to={`/p/${name}`}>
            {name}
          </To>
        ))}
      </span>
    </Card>
  )
}

export function LoopOf({ item }: { item: LoopItem }) {
  const isNarrow = useMediaQuery('(width < 1180px)', undefined, { getInitialValueInEffect: false })
  const Shape = isNarrow ? LoopLine : LoopRing
  return (
    <Shape
      item={item}
      link={(station, face, className) => (
        <To to={station.href} className={className}>
          {face}
        </To>
      )}
    >
      <To to={`/p/${item.project}`} className="centre-name">
        {item.project}
      </To>
      <p className="centre-goal">{item.goal}</p>
      <p className="centre-kpi">{item.kpi}</p>
      <Score item={item} />
    </Shape>
  )
}

/** What the version in production reached, beside what is good enough. */
function Score({ item: { project, metric, threshold } }: { item: LoopItem }) {
  const { data } = useQuery(modelsOf(project))
  const champion = data?.items.find(model => model.champion)?.champion
  const reached = champion?.evaluation?.metrics[metric]
  return (
    <p className="centre-score">
      {champion && reached !== undefined && (
        <span>
          <b className="figure">{number(reached)}</b>
          {metric} of v{champion.version}, in production
        </span>
      )}
      <span>
        <b className="figure muted">{number(threshold)}</b>
        {metric} that is good enough
      </span>
    </p>
  )
}

const Loops = ({ items }: { items: readonly LoopItem[] }) => (
  <LoopMatrix
    items={items}
    project={item => (
      <>
        <To to={`/p/${item.project}`}>{item.project}</To>
        <div className="small muted">{item.goal}</div>
      </>
    )}
    link={(_, station, face, className) => (
      <To to={station.href} className={className}>
        {face}
      </To>
    )}
  />
)

const needs = [
  ['approvals', () => 'waiting for approval', ShieldCheck],
  ['failedRuns', count => (count === 1 ? 'failed run' : 'failed runs'), CircleX],
  ['openIncidents', count => (count === 1 ? 'open incident' : 'open incidents'), TriangleAlert],
] as const satisfies readonly (readonly [keyof Loop['attention'], (count: number) => string, LucideIcon])[]

/** What waits for a person. */
function Attention({ loop: { attention, items } }: { loop: Loop }) {
  const worst = items.toSorted((a, b) => worry(b.stations) - worry(a.stations))[0]!
  return (
    <div className="attention">
      {needs.map(([name, words, Icon]) => (
        <To key={name} to={`/p/${worst.project}/inbox`}>
          <span
            className={`row${attention[name] > 0 ? (name === 'approvals' ? ' tone-warn' : ' tone-fail') : ''}`}
            data-some={attention[name] > 0}
          >
            <Icon size={15} aria-hidden />
            <b>{attention[name]}</b>
          </span>
          {words(attention[name])}
        </To>
      ))}
    </div>
  )
}

const steps = [
  ['trainyard init my-product', 'writes a project file, a data source and a pipeline to start from'],
  ['cd my-product && trainyard apply', 'tells the platform about them; from then on it watches the data and the code'],
  ['trainyard demo', 'or see the whole loop first: rain in Seattle and New York, on real weather data'],
] as const

const FirstSteps = () => (
  <Page title="The loop">
    <Card>
      <div className="start">
        <div className="stack-tight">
          <h2>Nothing yet</h2>
          <p className="soft">A project appears here when it is applied. Three commands to begin with:</p>
        </div>
        <ol>
          {steps.map(([command, words]) => (
            <li key={command}>
              <Command text={command} />
              <span className="small muted">{words}</span>
            </li>
          ))}
        </ol>
      </div>
    </Card>
    <Begun />
  </Page>
)
