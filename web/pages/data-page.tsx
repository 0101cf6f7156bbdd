import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { featureViewsOf, projectOf, sourcesOf } from '../api.ts'
import { bytes, dayOf, number } from '../format.ts'
import { sourcePath, viewPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, Tag } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { FeatureView, Revision, Source } from '../wire.ts'

/** Which data can be trusted, and which features are fresh? */
export function DataPage() {
  const { project } = useParams({ from: '/p/$project/data' })
  return (
    <Page title="Data & features" above={[[project, `/p/${project}`]]}>
      <Panel title="Sources" note="immutable versions, each checked against its contract" flush>
        <Sources project={project} />
      </Panel>
      <Panel title="Feature views" note="the same rules for training and serving" flush>
        <FeatureViews project={project} />
      </Panel>
      <RequestViews project={project} />
    </Page>
  )
}

const missing = <span className="muted">–</span>

function Sources({ project }: { project: string }) {
  const { data } = useSuspenseQuery(sourcesOf(project))
  const empty = (
    <Empty title="No source is declared" commands={['trainyard plan', 'trainyard apply']}>
      Add one under `sources` in the project file: a CSV or Parquet file, a query, or an upload.
    </Empty>
  )
  return <Table label="Sources" rows={data.items} columns={sourceColumns} keyOf={({ name }) => name} empty={empty} />
}

const sourceColumns: readonly Column<Source>[] = [
  {
    title: 'Source',
    cell: ({ project, name }) => (
      <span className="strong">
        <To to={sourcePath(project, name)}>{name}</To>
      </span>
    ),
  },
  { title: 'Type', cell: ({ type }) => <Tag>{type}</Tag>, wide: true },
  { title: 'Latest', cell: ({ latest }) => (latest ? `v${latest.version}` : 'none yet') },
  {
    title: 'Contract',
    cell: ({ latest, contract }) =>
      latest ? <State state={latest.verdict} label={verdicts[latest.verdict]!} /> : contract ? 'declared' : missing,
  },
  { title: 'Rows', cell: ({ latest }) => (latest ? number(latest.rows) : missing), align: 'right' },
  { title: 'Size', cell: ({ latest }) => (latest ? bytes(latest.bytes) : missing), align: 'right', wide: true },
  { title: 'Columns', cell: ({ latest }) => latest?.columns.length ?? missing, align: 'right', wide: true },
  { title: 'Versions', cell: ({ versions }) => versions, align: 'right', wide: true },
  { title: 'Age', cell: ({ latest }) => (latest ? <Ago at={latest.createdAt} /> : missing), align: 'right' },
]

export const verdicts: Readonly<Record<string, string>> = {
  kept: 'kept',
  broken: 'broken',
  unchecked: 'not checked yet',
}

/** The columns of a view that are features: not the entity's key, nor the instant that a row is about. */
export const featuresOf = ({ key, latest }: FeatureView): NonNullable<FeatureView['latest']>['columns'] =>
  (latest?.columns ?? []).filter(({ name }) => name !== key && name !== 'event_time')

function FeatureViews({ project }: { project: string }) {
  const { data } = useSuspenseQuery(featureViewsOf(project))
  const empty = (
    <Empty title="No feature view is declared" commands={['trainyard plan', 'trainyard apply']}>
      Add one under `features` in the project file: two SELECT statements, from rows to features.
    </Empty>
  )
  return (
    <Table label="Feature views" rows={data.items} columns={viewColumns} keyOf={({ name }) => name} empty={empty} />
  )
}

const viewColumns: readonly Column<FeatureView>[] = [
  {
    title: 'View',
    cell: ({ project, name }) => (
      <span className="strong">
        <To to={viewPath(project, name)}>{name}</To>
      </span>
    ),
  },
  {
    title: 'Entity',
    cell: ({ entity, key }) => (
      <>
        {entity} <span className="muted">by {key}</span>
      </>
    ),
    wide: true,
  },
  { title: 'From', cell: ({ project, source }) => <To to={sourcePath(project, source)}>{source}</To>, wide: true },
  { title: 'Latest', cell: ({ latest }) => (latest ? `v${latest.version}` : 'none yet') },
  { title: 'Features', cell: view => (view.latest ? featuresOf(view).length : missing), align: 'right', wide: true },
  { title: 'Rows', cell: ({ latest }) => (latest ? number(latest.rows) : missing), align: 'right' },
  {
    title: 'Online to',
    cell: ({ onlineTo }) => (onlineTo === undefined ? <span className="muted">not online</span> : dayOf(onlineTo)),
    align: 'right',
  },
  { title: 'Online rows', cell: ({ onlineRows }) => number(onlineRows), align: 'right', wide: true },
]

type RequestView = NonNullable<Revision['spec']['requestFeatures']>[string] & { readonly name: string }

/** What is computed when a request comes. Nothing where a project declares none of it. */
function RequestViews({ project }: { project: string }) {
  const { data: revision } = useSuspenseQuery(projectOf(project))
  const views = Object.entries(revision.spec.requestFeatures ?? {}).map(([name, view]) => ({ name, ...view }))
  if (views.length === 0) return null
  return (
    <Panel
      title="Request views"
      note="computed when a request comes, by the code that made them for the training"
      flush
    >
      <Table
        label="Request views"
        rows={views}
        columns={requestViewColumns(project)}
        keyOf={({ name }) => name}
        empty={null}
      />
    </Panel>
  )
}

const requestViewColumns = (project: string): readonly Column<RequestView>[] => [
  { title: 'View', cell: ({ name }) => <span className="strong">{name}</span> },
  { title: 'Entity', cell: ({ entity }) => entity, wide: true },
  {
    title: 'Requests bring',
    cell: ({ columns }) => (
      <ul className="row">
        {Object.entries(columns).map(([name, type]) => (
          <li key={name}>
            <Tag>
              <code>{name}</code> {type}
            </Tag>
          </li>
        ))}
      </ul>
    ),
  },
  {
    title: 'Looked up',
    cell: ({ features }) =>
      features.length === 0
        ? missing
        : features.map((feature, index) => (
            <span key={feature}>
              {index > 0 && ', '}
              <To to={viewPath(project, feature.split(':')[0]!)}>{feature}</To>
            </span>
          )),
    wide: true,
  },
  { title: 'Computed by', cell: ({ compute }) => <code>{compute}</code> },
]
