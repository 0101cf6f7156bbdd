import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { deploymentsOf, graphsOf } from '../api.ts'
import { latency, number, percent } from '../format.ts'
import { deploymentPath, modelPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Deployment, Graph, ServedRevision } from '../wire.ts'

/** Is serving healthy? */
export function DeploymentsPage() {
  const { project } = useParams({ from: '/p/$project/deployments' })
  const commands = useCommands(project)
  const { data } = useSuspenseQuery(deploymentsOf(project))
  const { data: graphs } = useSuspenseQuery(graphsOf(project))
  const empty = (
    <Empty title="Nothing is deployed yet" commands={[commands.promote]}>
      Promoting a version to production starts its deployment: bundle, rehearsal, canary.
    </Empty>
  )
  return (
    <Page title="Deployments" above={[[project, `/p/${project}`]]}>
      <Card flush>
        <Table label="Deployments" rows={data.items} columns={columns} keyOf={({ name }) => name} empty={empty} />
      </Card>
      {graphs.items.map(graph => (
        <GraphCard key={graph.name} graph={graph} />
      ))}
    </Page>
  )
}

/** Deployments and code that are asked as one. */
const GraphCard = ({ graph: { name, url, inputs, outputs, nodes } }: { graph: Graph }) => (
  <Card title={name} note={<code>{url}</code>} flush>
    <Table
      label={`Nodes of the graph ${name}`}
      rows={nodes}
      columns={nodeColumns}
      keyOf={node => node.name}
      empty={`From ${Object.keys(inputs).join(', ')} to ${Object.keys(outputs).join(', ')}.`}
    />
  </Card>
)

const nodeColumns: readonly Column<Graph['nodes'][number]>[] = [
  { title: 'Node', cell: ({ name }) => <span className="strong">{name}</span> },
  { title: 'Kind', cell: ({ kind }) => kind },
  { title: 'Asks', cell: ({ asks }) => <code>{asks.join(', ')}</code> },
]

/** Revisions that take traffic, the heaviest first. */
export const serving = (revisions: readonly ServedRevision[]): ServedRevision[] =>
  revisions.filter(({ weight }) => weight > 0).toSorted((a, b) => b.weight - a.weight)
const total = (revisions: readonly ServedRevision[], name: 'requests' | 'errors'): number =>
  revisions.reduce((sum, revision) => sum + revision[name], 0)

const columns: readonly Column<Deployment>[] = [
  {
    title: 'Deployment',
    cell: ({ project, name }) => (
      <span className="strong">
        <To to={deploymentPath(project, name)}>{name}</To>
      </span>
    ),
  },
  { title: 'State', cell: ({ state }) => <State state={state} /> },
  { title: 'Model', cell: ({ project, model }) => <To to={modelPath(project, model)}>{model}</To>, wide: true },
  {
    title: 'Serving',
    cell: ({ revisions }) =>
      serving(revisions)
        .map(({ versionNumber, weight }) => `v${versionNumber} ${number(weight)} %`)
        .join(', ') || '–',
  },
  { title: 'Requests', cell: ({ revisions }) => number(total(revisions, 'requests')), align: 'right' },
  {
    title: 'Errors',
    cell: ({ revisions }) => percent(total(revisions, 'errors') / Math.max(1, total(revisions, 'requests')), 2),
    align: 'right',
    wide: true,
  },
  {
    title: 'p95',
    cell: ({ revisions }) => latency(serving(revisions)[0]?.latencyP95Ms),
    align: 'right',
    wide: true,
  },
  { title: 'Since', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right', wide: true },
]
