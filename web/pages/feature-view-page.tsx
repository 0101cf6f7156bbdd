import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { featureVersionsOf, featureViewsOf, projectOf } from '../api.ts'
import { dayOf, number } from '../format.ts'
import { lineagePath, sourcePath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Card, Facts } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { Tag } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { FeatureVersion, FeatureView, Revision } from '../wire.ts'
import { featuresOf } from './data-page.tsx'

/** What are these features, and are they fresh? */
export function FeatureViewPage() {
  const { project, view: name } = useParams({ from: '/p/$project/features/$view' })
  const commands = useCommands(project)
  const { data: views } = useSuspenseQuery(featureViewsOf(project))
  const { data: versions } = useSuspenseQuery(featureVersionsOf(project, name))
  const { data: revision } = useSuspenseQuery(projectOf(project))
  const view = views.items.find(each => each.name === name)
  return (
    <Page
      title={name}
      above={[
        [project, `/p/${project}`],
        ['Data & features', `/p/${project}/data`],
      ]}
    >
      <div className="split">
        {view && <About view={view} spec={revision.spec.features[name]} />}
        <Card title="Features" note={view?.latest && `${featuresOf(view).length} in version ${view.latest.version}`}>
          {view?.latest ? (
            <div className="row">
              {featuresOf(view).map(column => (
                <Tag key={column.name}>
                  <code>{column.name}</code> {column.type}
                </Tag>
              ))}
            </div>
          ) : (
            <p className="muted">No version has been computed yet.</p>
          )}
        </Card>
      </div>
      <Card title="Versions" flush>
        <Table
          label="Versions, newest first"
          rows={versions.items}
          columns={columns}
          keyOf={({ id }) => id}
          empty={
            <Empty title="No version yet" commands={[commands.run('features.compute')]}>
              A pipeline with a `features.compute` task makes one.
            </Empty>
          }
        />
      </Card>
    </Page>
  )
}

const About = ({ view, spec }: { view: FeatureView; spec: Revision['spec']['features'][string] | undefined }) => (
  <Card title="View">
    <Facts
      facts={{
        Entity: `${view.entity}, by ${view.key}`,
        From: <To to={sourcePath(view.project, view.source)}>{view.source}</To>,
        'Online up to': view.onlineTo === undefined ? 'not online yet' : dayOf(view.onlineTo),
        'Online rows': number(view.onlineRows),
        'Transformation rules': spec && <code>{spec.transform}</code>,
        'Feature-engineering rules': spec && <code>{spec.engineer}</code>,
        'Oldest row that is served': spec?.maxAge,
        Owner: spec?.owner,
      }}
    />
  </Card>
)

const columns: readonly Column<FeatureVersion>[] = [
  {
    title: 'Version',
    cell: ({ id, version }) => (
      <span className="strong">
        <To to={lineagePath(id)}>v{version}</To>
      </span>
    ),
  },
  { title: 'Rows', cell: ({ rows }) => number(rows), align: 'right' },
  { title: 'From', cell: ({ from }) => (from === undefined ? '–' : dayOf(from)), align: 'right', wide: true },
  { title: 'To', cell: ({ to }) => (to === undefined ? '–' : dayOf(to)), align: 'right' },
  { title: 'Dataset', cell: ({ dataset, project }) => <Ref id={dataset} project={project} />, wide: true },
  {
    title: 'Rules',
    cell: ({ transform, engineer }) => (
      <>
        <Id id={transform} /> <Id id={engineer} />
      </>
    ),
    wide: true,
  },
  { title: 'Run', cell: ({ run, project }) => run && <Ref id={run} project={project} />, wide: true },
  { title: 'Made', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right' },
]
