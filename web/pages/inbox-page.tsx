import { useSuspenseQueries, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { feedbackOf, incidentsOf, modelVersionsOf, modelsOf, projectOf, runsOf } from '../api.ts'
import { number } from '../format.ts'
import { pathOf } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Empty } from '../ui/empty.tsx'
import { State, Tag, words } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Feedback, ModelVersion, Run } from '../wire.ts'
import { scoreOf } from './evaluation-cards.tsx'
import { IncidentCard } from './incident-card.tsx'
import { Moves } from './version-moves.tsx'

const failedMax = 20

/** What needs a person now? */
export function InboxPage() {
  const { project } = useParams({ from: '/p/$project/inbox' })
  return (
    <Page title="Inbox" above={[[project, `/p/${project}`]]}>
      <Panel title="Incidents" note="open or acknowledged" flush>
        <Incidents project={project} />
      </Panel>
      <Panel title="Approvals" note="versions that passed their gate and wait for a person" flush>
        <Approvals project={project} />
      </Panel>
      <div className="split">
        <Panel title="Feedback" note="what monitoring tells the stages upstream" flush>
          <FeedbackItems project={project} />
        </Panel>
        <Panel title="Failed runs" note="the newest" flush>
          <FailedRuns project={project} />
        </Panel>
      </div>
    </Page>
  )
}

function Incidents({ project }: { project: string }) {
  const { data } = useSuspenseQuery(incidentsOf(project))
  const open = data.items.filter(({ state }) => state !== 'resolved')
  const closed = data.items.filter(({ state }) => state === 'resolved')
  return (
    <>
      {open.length === 0 && (
        <Empty title="No open incident">
          Monitoring opens one when a contract breaks, inputs drift where it matters, or performance is lost.
        </Empty>
      )}
      {open.map(incident => (
        <IncidentCard key={incident.id} incident={incident} />
      ))}
      {closed.length > 0 && (
        <details className="card-body">
          <summary className="small muted">{closed.length} resolved</summary>
          <ul className="stack-tight small">
            {closed.map(({ id, title, resolvedAt }) => (
              <li key={id} className="row">
                <State state="resolved" />
                <Ref id={id} project={project}>
                  {title}
                </Ref>
                {resolvedAt !== undefined && (
                  <span className="muted">
                    <Ago at={resolvedAt} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

/** Versions in staging of the models whose promotion is by approval. */
function Approvals({ project }: { project: string }) {
  const { data: revision } = useSuspenseQuery(projectOf(project))
  const { data: models } = useSuspenseQuery(modelsOf(project))
  const byApproval = models.items.filter(({ name }) => revision.spec.models[name]?.promotion === 'approval')
  const answers = useSuspenseQueries({ queries: byApproval.map(({ name }) => modelVersionsOf(project, name)) })
  const waiting = answers.flatMap(({ data }) => data.items).filter(({ stage }) => stage === 'staging')
  return (
    <Table
      label="Versions that wait for approval"
      rows={waiting}
      columns={approvalColumns}
      keyOf={({ id }) => id}
      empty={
        <Empty title="Nothing waits for approval">
          Models with `promotion: 'approval'` come here when they pass their gate.
        </Empty>
      }
    />
  )
}

const approvalColumns: readonly Column<ModelVersion>[] = [
  {
    title: 'Version',
    cell: ({ id, model, version, project }) => (
      <span className="strong">
        <To to={pathOf(id, project)}>
          {model} v{version}
        </To>
      </span>
    ),
  },
  {
    title: 'Metric',
    cell: ({ evaluation }) => scoreOf(evaluation),
  },
  {
    title: 'Champion',
    cell: ({ evaluation }) =>
      evaluation?.champion
        ? `v${evaluation.champion.number} ${number(evaluation.champion.metrics[evaluation.metric] ?? NaN)}`
        : 'none',
    wide: true,
  },
  { title: 'Waits since', cell: ({ createdAt }) => <Ago at={createdAt} />, wide: true },
  {
    title: '',
    cell: version => (
      <span className="row actions">
        <Moves version={version} />
      </span>
    ),
    align: 'right',
  },
]

function FeedbackItems({ project }: { project: string }) {
  const { data } = useSuspenseQuery(feedbackOf(project))
  return (
    <Table
      label="Feedback items, newest first"
      rows={data.items}
      columns={feedbackColumns}
      keyOf={({ id }) => id}
      empty={
        <Empty title="No feedback yet">
          An incident sends its findings to experimentation, data engineering or the scheduler.
        </Empty>
      }
    />
  )
}

const feedbackColumns: readonly Column<Feedback>[] = [
  { title: 'To', cell: ({ receiver }) => <Tag>{words(receiver)}</Tag> },
  {
    title: 'What',
    cell: ({ title, action }) => (
      <>
        <span className="strong">{title}</span>
        <div className="small muted">{action}</div>
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, run, project }) => (
      <span className="row">
        <State state={state === 'open' ? 'waiting' : state} label={state} />
        {run && (
          <Ref id={run} project={project}>
            run
          </Ref>
        )}
      </span>
    ),
  },
  { title: 'When', cell: ({ at }) => <Ago at={at} />, align: 'right', wide: true },
]

function FailedRuns({ project }: { project: string }) {
  const { data } = useSuspenseQuery(runsOf(project, { state: 'failed', limit: failedMax }))
  return (
    <Table
      label="Failed runs, newest first"
      rows={data.items}
      columns={runColumns}
      keyOf={({ id }) => id}
      empty={<Empty title="No run has failed" />}
    />
  )
}

const runColumns: readonly Column<Run>[] = [
  {
    title: 'Run',
    cell: ({ id, pipeline, project }) => (
      <span className="strong">
        <To to={pathOf(id, project)}>{pipeline}</To>
      </span>
    ),
  },
  { title: 'Why', cell: ({ error }) => <span className="small soft lines">{error ?? 'no reason recorded'}</span> },
  { title: 'When', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right' },
]
