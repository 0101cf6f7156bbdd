import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { taskOf } from '../api.ts'
import { experimentOf, trackingRunOf } from '../api-tracking.ts'
import { plural } from '../format.ts'
import { experimentPath, lineagePath, trackingRunPath } from '../paths.ts'
import { given } from '../run-query.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card, Facts } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { Tag } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import type { TrackingRun } from '../wire.ts'
import { ArtifactsBrowser } from './artifacts-browser.tsx'
import { alongOf, ChartChoices, MetricCharts } from './metric-charts.tsx'
import { CodeCard, DatasetsCard, isPlainTag, LatestMetrics, TextTable } from './run-cards.tsx'
import { RunState, RunTook } from './run-grid.tsx'
import { TaskRecord } from './task-record.tsx'

const here = '/experiments/$experiment/runs/$run'
const liveMs = 5_000

/** What was tried in this run, what came of it, and with what? */
export function TrackingRunPage() {
  const { run: id } = useParams({ from: here })
  const { data: run } = useSuspenseQuery({
    ...trackingRunOf(id),
    refetchInterval: ({ state }) => state.data?.status === 'RUNNING' && liveMs,
  })
  // The address may name another experiment: that of the run counts.
  const { data: experiment } = useSuspenseQuery(experimentOf(run.experiment))
  const tags = Object.fromEntries(Object.entries(run.tags).filter(isPlainTag))
  return (
    <Page
      title={run.name || run.id}
      above={[
        ['Experiments', '/experiments'],
        [experiment.name, experimentPath(run.experiment)],
      ]}
      badge={
        <>
          <RunState status={run.status} />
          {run.lifecycle === 'deleted' && <Tag state="failed">deleted</Tag>}
        </>
      }
      lede={run.tags['mlflow.note.content'] && <span className="prewrap">{run.tags['mlflow.note.content']}</span>}
      actions={<To to={`${lineagePath(run.id)}?direction=both`}>Lineage</To>}
    >
      <Card>
        <About run={run} />
      </Card>
      <Charts run={run} />
      <div className="split">
        <Card title="Parameters" note={plural(Object.keys(run.params).length, 'parameter')} flush>
          <TextTable label="Parameters" texts={run.params} none="No parameter was logged." />
        </Card>
        <Card title="Metrics" note="the latest value of each" flush>
          <LatestMetrics metrics={run.metrics} />
        </Card>
      </div>
      {run.run && run.task && (
        <Panel title="Task" note="what the platform wrote down of it" flush>
          <OfTask project={run.project} run={run.run} task={run.task} />
        </Panel>
      )}
      <Panel title="Artifacts" note={run.artifactUri} flush>
        <ArtifactsBrowser run={run.id} />
      </Panel>
      <div className="split">
        <div className="stack">
          <DatasetsCard datasets={run.datasets} />
          <CodeCard run={run} />
        </div>
        <div className="stack">
          <Card title="Tags" flush>
            <TextTable label="Tags" texts={tags} none="No tag was set." />
          </Card>
          <Models run={run} />
        </div>
      </div>
    </Page>
  )
}

const About = ({ run }: { run: TrackingRun }) => (
  <Facts
    facts={{
      Started: <Ago at={run.startedAt} />,
      Took: <RunTook run={run} />,
      By: run.user,
      Project: run.project,
      'Nested in': run.parent && (
        <To to={trackingRunPath(run.experiment, run.parent)} className="mono small">
          {run.parent.slice(0, 8)}…{run.parent.slice(-6)}
        </To>
      ),
      'Run of a pipeline': run.run && <Ref id={run.run} project={run.project} />,
      Source: run.tags['mlflow.source.name'] && <code>{run.tags['mlflow.source.name']}</code>,
      Commit: run.tags['mlflow.source.git.commit'] && <code>{run.tags['mlflow.source.git.commit'].slice(0, 10)}</code>,
      Id: <Id id={run.id} />,
    }}
  />
)

function Charts({ run }: { run: TrackingRun }) {
  const search = useSearch({ from: here })
  const { axis, scale } = search
  const navigate = useNavigate({ from: here })
  const keys = useMemo(() => Object.keys(run.metrics).toSorted(), [run.metrics])
  const runs = useMemo(() => [{ id: run.id, name: run.name }], [run.id, run.name])
  if (keys.length === 0) return undefined
  const along = alongOf(axis)
  return (
    <Card
      title="Charts"
      note="line: last value; band: lowest to highest; drag to look closer"
      actions={
        <ChartChoices
          along={along}
          isLog={scale === 'log'}
          onChange={change =>
            void navigate({ search: given<typeof search>({ ...search, ...change }), replace: true, resetScroll: false })
          }
        />
      }
    >
      <MetricCharts runs={runs} keys={keys} along={along} isLog={scale === 'log'} isLive={run.status === 'RUNNING'} />
    </Card>
  )
}

/** What the platform wrote down of the task whose code this was: commit, changes, environment, host, means. */
function OfTask({ project, run, task: id }: { project: string; run: string; task: string }) {
  const { data } = useSuspenseQuery(taskOf(run, id))
  return (
    <>
      <p className="task-link">
        {/* The page of a pipeline's run knows its tasks by name. */}
        <To to={`/p/${project}/runs/${run}?task=${data.task.name}`}>{data.task.name}</To>
      </p>
      <TaskRecord task={data.task} />
    </>
  )
}

function Models({ run }: { run: TrackingRun }) {
  if (run.modelInputs.length + run.modelOutputs.length === 0) return undefined
  return (
    <Card title="Models" note="logged by this run, or read by it">
      <Facts
        facts={{
          Made: run.modelOutputs.length > 0 && <Refs ids={run.modelOutputs} project={run.project} />,
          Read: run.modelInputs.length > 0 && <Refs ids={run.modelInputs} project={run.project} />,
        }}
      />
    </Card>
  )
}

const Refs = ({ ids, project }: { ids: readonly string[]; project: string }) => (
  <ul className="stack-tight">
    {ids.map(id => (
      <li key={id}>
        <Ref id={id} project={project} />
      </li>
    ))}
  </ul>
)
