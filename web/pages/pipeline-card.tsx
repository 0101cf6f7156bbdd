import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Play } from 'lucide-react'
import { useState } from 'react'
import { startRun } from '../api.ts'
import { plural } from '../format.ts'
import { Ref } from '../shell/link.tsx'
import { Fetched } from '../shell/panel.tsx'
import { Card } from '../ui/card.tsx'
import { LazyGraph } from '../ui/graph/index.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State, Tag } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import type { Pipeline } from '../wire.ts'
import { BackfillButton } from './backfill-button.tsx'
import { PipelineGrid } from './pipeline-grid.tsx'
import { PipelineTriggers } from './pipeline-triggers.tsx'

/** Triggers with instants, of which there are past ones. */
const rhythms: ReadonlySet<unknown> = new Set(['schedule', 'interval', 'calendar'])

/** One pipeline: what starts it, how its last run went, and on demand its tasks as a graph or its runs as a grid. */
export function PipelineCard({ project, pipeline }: { project: string; pipeline: Pipeline }) {
  const [view, setView] = useState<View>()
  const { lastRun } = pipeline
  return (
    <Card
      title={pipeline.name}
      note={pipeline.description}
      actions={
        <>
          <ViewButton name="grid" view={view} onChange={setView}>
            Last runs
          </ViewButton>
          <ViewButton name="graph" view={view} onChange={setView}>
            {`Graph of ${plural(pipeline.tasks.length, 'task')}`}
          </ViewButton>
          {pipeline.triggers.some(({ on }) => rhythms.has(on)) && (
            <BackfillButton project={project} pipeline={pipeline} />
          )}
          <StartButton project={project} pipeline={pipeline.name} />
        </>
      }
      flush
    >
      <div className="card-body row small">
        <PipelineTriggers project={project} pipeline={pipeline.name} />
        {pipeline.overlap && <Tag>{overlapWords(pipeline.overlap)}</Tag>}
        {pipeline.deadline !== undefined && <Tag>{`a run may take ${pipeline.deadline}`}</Tag>}
        {pipeline.freshness && <FreshnessTag freshness={pipeline.freshness} />}
        <span className="push row">
          {lastRun ? (
            <>
              <State state={lastRun.state} />
              <Ref id={lastRun.id} project={project} />
              <Ago at={lastRun.createdAt} />
            </>
          ) : (
            <span className="muted">has not run yet</span>
          )}
        </span>
      </div>
      {view === 'graph' && <PipelineGraph pipeline={pipeline} />}
      {view === 'grid' && (
        <Fetched>
          <PipelineGrid project={project} pipeline={pipeline.name} />
        </Fetched>
      )}
    </Card>
  )
}

type View = 'graph' | 'grid'

/** Opens a view of the pipeline, and closes it again. */
const ViewButton = ({
  name,
  view,
  onChange,
  children,
}: {
  name: View
  view: View | undefined
  onChange: (view: View | undefined) => void
  children: string
}) => (
  <button
    type="button"
    className="tag"
    aria-expanded={view === name}
    onClick={() => onChange(view === name ? undefined : name)}
  >
    {view === name ? `Hide: ${children.toLowerCase()}` : children}
  </button>
)

/** So many tasks are drawn at once. */
const drawnMax = 400

/** All tasks; of very many one with its neighbours, which lead on. */
function PipelineGraph({ pipeline: { name: pipeline, tasks } }: { pipeline: Pipeline }) {
  const [at, setAt] = useState(tasks[0]?.name ?? '')
  const isWhole = tasks.length <= drawnMax
  const shown = isWhole ? tasks : near(tasks, at).slice(0, drawnMax)
  const names = new Set(shown.map(({ name }) => name))
  const edges = shown.flatMap(({ name, needs }) =>
    needs.filter(need => names.has(need)).map(need => ({ from: need, to: name })),
  )
  const nodes = shown.map(task => ({
    id: task.name,
    tone: 'tone-none',
    label: `Task ${task.name}, ${task.kind}`,
    isSelected: !isWhole && task.name === at,
    face: (
      <>
        <b>
          <span className="clip">{task.name}</span>
        </b>
        <small className="clip">{task.kind}</small>
      </>
    ),
  }))
  return (
    <LazyGraph
      nodes={nodes}
      edges={edges}
      label={`Tasks of ${pipeline}`}
      onSelect={isWhole ? () => undefined : setAt}
      heightMax={360}
    />
  )
}

/** A task, what it needs and what needs it. */
function near(tasks: Pipeline['tasks'], name: string): Pipeline['tasks'] {
  const needed = new Set([name, ...(tasks.find(task => task.name === name)?.needs ?? [])])
  return tasks
    .filter(task => needed.has(task.name) || task.needs.includes(name))
    .toSorted((a, b) => Number(b.name === name) - Number(a.name === name))
}

/** Whether what the pipeline makes is as young as it should be. */
const FreshnessTag = ({ freshness: { maxAge, staleAt } }: { freshness: NonNullable<Pipeline['freshness']> }) =>
  staleAt === undefined ? (
    <Tag>{`a success at least every ${maxAge}`}</Tag>
  ) : (
    <Tag state="fail">
      {`stale: no success for ${maxAge}, seen `}
      <Ago at={staleAt} />
    </Tag>
  )

/** What becomes of runs that overlap. */
function overlapWords({ policy, activeMax }: NonNullable<Pipeline['overlap']>): string {
  const most = activeMax === 1 ? 'one run at a time' : `${activeMax} runs at a time`
  switch (policy) {
    case 'queue':
      return `${most}, others wait`
    case 'skip':
      return `${most}, others are left out`
    case 'cancel-new':
      return `${most}, others are cancelled`
    case 'cancel-running':
      return `${most}, the newest replaces others`
  }
}

function StartButton({ project, pipeline }: { project: string; pipeline: string }) {
  const cache = useQueryClient()
  const navigate = useNavigate()
  const start = async (reason: string): Promise<void> => {
    const run = await startRun(project, { pipeline, reason })
    void cache.invalidateQueries({ queryKey: ['runs'] })
    await navigate({ to: '/p/$project/runs/$run', params: { project, run: run.id }, search: {} })
  }
  return (
    <ReasonButton
      label="Run"
      icon={<Play size={13} />}
      explain={`Starts the pipeline ${pipeline} as the current revision of the project declares it.`}
      defaultReason="Started by hand."
      onConfirm={start}
    />
  )
}
