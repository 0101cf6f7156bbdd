import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { modelVersionsOf, registeredModelNamed } from '../api.ts'
import { signed } from '../format.ts'
import { aboveModels, pathOf } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Card, Facts } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, Tag } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { ModelVersion, RegisteredModel } from '../wire.ts'
import { scoreOf } from './evaluation-cards.tsx'

/** The versions of one model, and how each compared with its champion. */
export function ModelPage() {
  const { project, model } = useParams({ from: '/p/$project/models/$model' })
  const { data } = useSuspenseQuery(modelVersionsOf(project, model))
  // One that only its project declares has no entry yet.
  const about = useQuery({
    ...registeredModelNamed(data.items[0]?.fullName ?? ''),
    enabled: data.items.length > 0,
  }).data
  return (
    <Page
      title={model}
      above={aboveModels(project)}
      lede={about?.description && <p className="prewrap">{about.description}</p>}
    >
      {about && <About model={about} />}
      <Card title="Versions" flush>
        <Table
          label="Versions, newest first"
          rows={data.items}
          columns={data.items.some(({ evaluation }) => evaluation) ? evaluated : registered}
          keyOf={({ id }) => id}
          empty={<NoVersion project={project} />}
        />
      </Card>
    </Page>
  )
}

const NoVersion = ({ project }: { project: string }) => (
  <Empty title="No version has been trained yet" commands={[useCommands(project).run('registry.register')]}>
    Start a run of its pipeline to make the first.
  </Empty>
)

/** What clients have said of the model. */
function About({ model: { fullName, name, aliases, tags } }: { model: RegisteredModel }) {
  const words = Object.entries(tags).filter(([key]) => !key.startsWith('mlflow.'))
  if (fullName === name && Object.keys(aliases).length + words.length === 0) return undefined
  return (
    <Card>
      <Facts
        facts={{
          'Name for MLflow': <code>{fullName}</code>,
          Aliases: Object.keys(aliases).length > 0 && (
            <span className="row">
              {Object.entries(aliases).map(([alias, version]) => (
                <Tag key={alias}>
                  {alias} → v{version}
                </Tag>
              ))}
            </span>
          ),
          ...Object.fromEntries(words),
        }}
      />
    </Card>
  )
}

const first: readonly Column<ModelVersion>[] = [
  {
    title: 'Version',
    cell: ({ id, version, project }) => (
      <span className="strong">
        <To to={pathOf(id, project)}>v{version}</To>
      </span>
    ),
  },
  { title: 'Stage', cell: ({ stage }) => <State state={stage} /> },
  {
    title: 'Aliases',
    cell: ({ aliases }) => (
      <span className="row">
        {aliases.map(alias => (
          <Tag key={alias}>{alias}</Tag>
        ))}
      </span>
    ),
    wide: true,
  },
]

/** Of models that the platform evaluates. */
const evaluated: readonly Column<ModelVersion>[] = [
  ...first,
  {
    title: 'Metric',
    cell: ({ evaluation }) => scoreOf(evaluation),
  },
  {
    title: 'Against the champion',
    cell: ({ evaluation: { difference, champion } = {} }) =>
      difference && champion ? (
        `${difference.loss} ${signed(difference.difference)} [${signed(difference.lower)}, ${signed(difference.upper)}] to v${champion.number}`
      ) : (
        <span className="muted">there was none</span>
      ),
    wide: true,
  },
  {
    title: 'Gate',
    cell: ({ evaluation }) => evaluation && <State state={evaluation.gate.passed ? 'passed' : 'failed'} />,
  },
  { title: 'Run', cell: ({ run, project }) => run && <Ref id={run} project={project} />, wide: true },
  { title: 'Trained', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right' },
]

/** Of models that clients register. */
const registered: readonly Column<ModelVersion>[] = [
  ...first,
  { title: 'Flavour', cell: ({ flavor }) => flavor },
  { title: 'Description', cell: ({ description }) => <span className="lines">{description}</span>, wide: true },
  { title: 'By', cell: ({ user }) => user, wide: true },
  { title: 'Registered', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right' },
]
