import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { experimentsOf } from '../api-tracking.ts'
import { loop, modelsOf, projectOf, projects, revisionsOf } from '../api.ts'
import { capital, number, plural } from '../format.ts'
import { experimentPath } from '../paths.ts'
import { EventList } from '../shell/event-list.tsx'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card, Facts } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { Prose } from '../ui/prose.tsx'
import { Tag, words } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Experiment, Revision } from '../wire.ts'
import { LoopOf } from './home-page.tsx'

export function ProjectPage() {
  const { project } = useParams({ from: '/p/$project' })
  const { data } = useSuspenseQuery(projects)
  return data.begun?.includes(project) ? <BegunProject project={project} /> : <DeclaredProject project={project} />
}

/** What is there of a project that has no project file yet? */
function BegunProject({ project }: { project: string }) {
  const { data } = useSuspenseQuery(experimentsOf('active'))
  const own = data.filter(experiment => experiment.project === project)
  return (
    <Page
      title={project}
      badge={<Tag>no project file</Tag>}
      lede="It has begun with an import or a repository."
      actions={<To to={`/p/${project}/models`}>Models</To>}
    >
      <Card title="Experiments" note={plural(own.length, 'experiment')} flush>
        <Table
          label="Experiments"
          rows={own}
          columns={experimentColumns}
          keyOf={({ id }) => id}
          empty={<Empty title="No experiment yet" />}
        />
      </Card>
      <Card>
        <Empty title="Not declared yet" commands={[`trainyard init ${project}`, `cd ${project} && trainyard apply`]}>
          A project file gives it pipelines, data, deployments and gates. What is here stays.
        </Empty>
      </Card>
      <Panel title="What happened" flush>
        <EventList project={project} />
      </Panel>
    </Page>
  )
}

const experimentColumns: readonly Column<Experiment>[] = [
  { title: 'Experiment', cell: ({ id, name }) => <To to={experimentPath(id)}>{name}</To> },
  { title: 'Runs', cell: ({ runs }) => number(runs), align: 'right' },
  { title: 'Changed', cell: ({ updatedAt }) => <Ago at={updatedAt} />, align: 'right' },
]

/** Does this product deliver what the business wants of it? */
function DeclaredProject({ project }: { project: string }) {
  const { data: revision } = useSuspenseQuery(projectOf(project))
  const { data } = useQuery(loop)
  const item = data?.items.find(each => each.project === project)
  return (
    <Page title={project} badge={<Tag>revision {revision.number}</Tag>} lede={revision.spec.objective.goal}>
      <div className="split-wide">
        <Objective revision={revision} />
        <Owners revision={revision} />
      </div>
      {item && (
        <Card title="The loop">
          <LoopOf item={item} />
        </Card>
      )}
      <div className="split">
        <Decisions revision={revision} />
        <Panel title="Revisions" flush>
          <Revisions project={project} />
        </Panel>
      </div>
      <Panel title="What happened" flush>
        <EventList project={project} />
      </Panel>
    </Page>
  )
}

function Objective({ revision: { spec, project } }: { revision: Revision }) {
  const { data, isPending } = useQuery(modelsOf(project))
  const { metric, threshold, kpi, task, target } = spec.objective
  const champion = data?.items.find(model => model.champion)?.champion
  const live = champion?.evaluation?.metrics[metric]
  return (
    <Card title="Objective" note={words(task)}>
      <div className="stack">
        <Facts facts={{ KPI: kpi, 'What is predicted': target }} />
        <Facts
          facts={{
            [`${metric} that is good enough`]: <span className="figure">{number(threshold)}</span>,
            [`${metric} of the version in production`]:
              champion && live !== undefined ? (
                <span className="row">
                  <span className="figure">{number(live)}</span>
                  <Ref id={champion.id} project={project}>
                    v{champion.version}
                  </Ref>
                </span>
              ) : (
                <span className="figure muted">{isPending ? '…' : 'none yet'}</span>
              ),
          }}
        />
        {spec.objective.dataRequirements.length > 0 && (
          <Facts
            facts={Object.fromEntries(
              spec.objective.dataRequirements.map(({ need, source }) => [
                `Needs: ${need}`,
                source ? (
                  <To key={need} to={`/p/${project}/data/${source}`}>
                    {source}
                  </To>
                ) : (
                  'no source yet'
                ),
              ]),
            )}
          />
        )}
      </div>
    </Card>
  )
}

function Owners({ revision: { spec } }: { revision: Revision }) {
  const owners = Object.entries(spec.objective.owners)
  return (
    <Card title="Owners">
      {owners.length === 0 ? (
        <p className="muted small">
          <Prose text="No owners are named. Add `objective.owners` to the project file." />
        </p>
      ) : (
        <Facts facts={Object.fromEntries(owners.map(([role, name]) => [capital(role), name]))} />
      )}
    </Card>
  )
}

const Decisions = ({ revision: { spec } }: { revision: Revision }) => (
  <Card title="Decisions">
    {spec.objective.decisions.length === 0 ? (
      <p className="muted small">
        <Prose text="No decisions are recorded. Add `objective.decisions` to the project file." />
      </p>
    ) : (
      <ol className="stack">
        {spec.objective.decisions.map(({ title, decision, because }) => (
          <li key={title} className="stack-tight">
            <h3>{title}</h3>
            <p>{decision}</p>
            <p className="muted small">{because}</p>
          </li>
        ))}
      </ol>
    )}
  </Card>
)

function Revisions({ project }: { project: string }) {
  const { data } = useSuspenseQuery(revisionsOf(project))
  return (
    <Table
      label="Revisions, newest first"
      rows={data.items}
      columns={columns}
      keyOf={({ id }) => id}
      empty={<Empty title="No revision yet" commands={['trainyard apply']} />}
    />
  )
}

const columns: readonly Column<Revision>[] = [
  { title: 'Revision', cell: revision => <span className="strong">#{revision.number}</span> },
  {
    title: 'Commit',
    cell: revision =>
      revision.commit ? <code>{revision.commit.slice(0, 8)}</code> : <span className="muted">by hand</span>,
  },
  { title: 'By', cell: revision => revision.actor },
  { title: 'When', cell: revision => <Ago at={revision.at} />, align: 'right' },
]
