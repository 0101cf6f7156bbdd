import { keepPreviousData, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { pipelinesOf, runsOf } from '../api.ts'
import { capital, withoutIds } from '../format.ts'
import { pathOf } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Fetched, Panel } from '../shell/panel.tsx'
import { Card, Skeleton } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { NoMatch, Table, type Column } from '../ui/table.tsx'
import { Ago, Took } from '../ui/time.tsx'
import type { Run } from '../wire.ts'
import { Backfills } from './backfills.tsx'
import { Behind } from './run-behind.tsx'
import { PipelineCard } from './pipeline-card.tsx'

/** What runs when, and is it reliable? */
export function PipelinesPage() {
  const { project } = useParams({ from: '/p/$project/pipelines' })
  return (
    <Page title="Pipelines & runs" above={[[project, `/p/${project}`]]}>
      <Pipelines project={project} />
      <Fetched>
        <Backfills project={project} />
      </Fetched>
      <Panel title="Runs" actions={<Filters project={project} />} flush lines={8}>
        <Runs project={project} />
      </Panel>
    </Page>
  )
}

function Pipelines({ project }: { project: string }) {
  const { data } = useSuspenseQuery(pipelinesOf(project))
  if (data.items.length === 0) {
    return (
      <Card>
        <Empty title="No pipeline is declared" commands={['trainyard plan', 'trainyard apply']}>
          Add one under `pipelines` in the project file: tasks that are commands in any language, or functions.
        </Empty>
      </Card>
    )
  }
  return data.items.map(pipeline => <PipelineCard key={pipeline.name} project={project} pipeline={pipeline} />)
}

const states = ['held', 'queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
/** Pipelines that every project has: what delivery and monitoring run. */
const platformPipelines = ['ci', 'deploy', 'evaluation', 'monitor'] as const
const here = '/p/$project/pipelines'

function Filters({ project }: { project: string }) {
  const { pipeline, state } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const { data } = useSuspenseQuery(pipelinesOf(project))
  const set = (change: { pipeline?: string; state?: string }): void => {
    void navigate({
      search: clean({ ...(pipeline && { pipeline }), ...(state && { state }), ...change }),
      replace: true,
    })
  }
  return (
    <>
      <select
        className="select"
        aria-label="Pipeline"
        value={pipeline ?? ''}
        onChange={event => set({ pipeline: event.target.value })}
      >
        <option value="">all pipelines</option>
        {[...data.items.map(({ name }) => name), ...platformPipelines].map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        className="select"
        aria-label="State"
        value={state ?? ''}
        onChange={event => set({ state: event.target.value })}
      >
        <option value="">all states</option>
        {states.map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </>
  )
}

const clean = (search: { pipeline?: string; state?: string }): { pipeline?: string; state?: string } =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value))

/** How many runs are read at first; twice as many each time that more are asked for, up to the API's most of 500. */
const runsMax = 30

function Runs({ project }: { project: string }) {
  const { pipeline, state } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const commands = useCommands(project)
  const [limit, setLimit] = useState(runsMax)
  const { data } = useQuery({
    ...runsOf(project, { pipeline, state, limit }),
    placeholderData: keepPreviousData,
    throwOnError: true,
  })
  if (!data) return <Skeleton lines={8} />
  const empty =
    pipeline || state ? (
      <NoMatch onClear={() => void navigate({ search: {} })} />
    ) : (
      <Empty title="Nothing has run yet" commands={[commands.run()]}>
        A run starts by hand, on a schedule, with a push, with new data, or because monitoring asks for it.
      </Empty>
    )
  return (
    <>
      <Table label="Runs, newest first" rows={data.items} columns={columns} keyOf={({ id }) => id} empty={empty} />
      {data.next && limit < 480 && (
        <div className="more">
          <button
            type="button"
            className="tag"
            disabled={limit > data.items.length}
            onClick={() => setLimit(limit * 2)}
          >
            {limit > data.items.length ? 'Fetching…' : 'Older runs'}
          </button>
        </div>
      )}
    </>
  )
}

const columns: readonly Column<Run>[] = [
  { title: 'State', cell: run => <State state={run.state} /> },
  {
    title: 'Pipeline',
    cell: run => (
      <span className="strong">
        <To to={pathOf(run.id, run.project)}>{run.pipeline}</To>
      </span>
    ),
  },
  {
    title: 'Because',
    cell: run => (
      <>
        <span className="soft" title={run.cause.reason}>
          {capital(withoutIds(run.cause.reason))}
        </span>{' '}
        {run.behind !== undefined && <Behind run={run} behind={run.behind} />}
      </>
    ),
    wide: true,
  },
  { title: 'By', cell: run => run.actor, wide: true },
  { title: 'Took', cell: run => <Took from={run.startedAt} to={run.endedAt} />, align: 'right', wide: true },
  { title: 'Started', cell: run => <Ago at={run.createdAt} />, align: 'right' },
]
