import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Ban, RotateCcw } from 'lucide-react'
import { cancelRun, resumeRun, runOf, taskOf } from '../api.ts'
import { instant, number } from '../format.ts'
import { lineagePath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Told } from '../shell/told.tsx'
import { Card, Facts, Skeleton } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State, Tag, words } from '../ui/state.tsx'
import { Took } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Run, RunOverview } from '../wire.ts'
import { Behind } from './run-behind.tsx'
import { RunTasks } from './run-tasks.tsx'
import { TaskPanel } from './task-panel.tsx'

const liveMs = 2_000
const isOver = ({ state }: { state: string }): boolean =>
  !['held', 'queued', 'running', 'blocked', 'ready', 'waiting'].includes(state)

/** What happened in this run, where did the time go, and why did it fail? */
export function RunPage() {
  const { project, run: id } = useParams({ from: '/p/$project/runs/$run' })
  const { task: chosen } = useSearch({ from: '/p/$project/runs/$run' })
  const navigate = useNavigate({ from: '/p/$project/runs/$run' })
  const { data } = useSuspenseQuery({
    ...runOf(id),
    refetchInterval: query => (query.state.data && isOver(query.state.data.run) ? false : liveMs),
  })
  const { run, states, tasks } = data
  const select = (task: string): void => void navigate({ search: { task }, replace: true })
  const shown = chosen ?? mostTelling(tasks.items)
  return (
    <Page
      title={run.pipeline}
      above={[
        [project, `/p/${project}`],
        ['Pipelines & runs', `/p/${project}/pipelines`],
      ]}
      badge={
        <>
          <State state={run.state} />
          {run.lateAt !== undefined && <Tag state="warn">late</Tag>}
        </>
      }
      lede={
        <>
          <Told text={run.cause.reason} project={project} />
          {run.behind !== undefined && (
            <>
              {' '}
              <Behind run={run} behind={run.behind} />
            </>
          )}
        </>
      }
      actions={<RunActions run={run} />}
    >
      {run.error && (
        <div className="trouble" role="alert">
          <b>{run.error}</b>
        </div>
      )}
      {run.finalError && (
        <div className="trouble" role="alert">
          <b>At its end: {run.finalError}</b>
        </div>
      )}
      <Card>
        <About run={run} />
      </Card>
      <Card title="Tasks" note={doneIn(states)} flush>
        <RunTasks overview={data} isLive={!isOver(run)} selected={shown} onSelect={select} />
      </Card>
      {shown !== undefined && <Shown key={shown} run={run} name={shown} onSelect={select} />}
    </Page>
  )
}

/** One task, or one call of a task that has one for each item. */
function Shown({ run, name, onSelect }: { run: Run; name: string; onSelect: (task: string) => void }) {
  const { data, error } = useQuery({ ...taskOf(run.id, name), refetchInterval: !isOver(run) && liveMs })
  if (error) return <Trouble error={error} />
  if (!data) return <Skeleton />
  return <TaskPanel key={data.task.id} task={data.task} project={run.project} onSelect={onSelect} />
}

/** What a reader looks for first: what failed, what is under way, else the last thing done. */
const mostTelling = (tasks: RunOverview['tasks']['items']): string | undefined =>
  (
    tasks.find(({ state }) => state === 'failed') ??
    tasks.find(({ state }) => state === 'running' || state === 'waiting') ??
    tasks.at(-1)
  )?.name

function doneIn({ succeeded = 0, cached = 0, ...others }: RunOverview['states']): string {
  const all = Object.values(others).reduce((sum, count) => sum + count, succeeded + cached)
  return `${number(succeeded + cached)} of ${number(all)} done`
}

function RunActions({ run }: { run: Run }) {
  const cache = useQueryClient()
  const then = (): Promise<void> => cache.invalidateQueries({ queryKey: ['run', run.id] })
  return (
    <>
      <To to={lineagePath(run.id)} className="small">
        Lineage
      </To>
      {(run.state === 'failed' || run.state === 'cancelled') && (
        <ReasonButton
          label="Resume"
          icon={<RotateCcw size={13} />}
          explain="Runs again only what did not succeed, within this run. What succeeded is kept."
          isReasoned={false}
          onConfirm={() => resumeRun(run.id).then(then)}
        />
      )}
      {!isOver(run) && (
        <ReasonButton
          label="Cancel"
          icon={<Ban size={13} />}
          danger
          explain="Stops the tasks that are running and starts no other."
          isReasoned={false}
          onConfirm={() => cancelRun(run.id).then(then)}
        />
      )}
    </>
  )
}

const About = ({ run }: { run: Run }) => (
  <Facts
    facts={{
      Run: <Id id={run.id} />,
      Cause: (
        <>
          {words(run.cause.kind)} {run.cause.ref && <Ref id={run.cause.ref} project={run.project} />}
        </>
      ),
      'Part of': run.parentTask && <Ref id={run.parentTask} project={run.project} />,
      By: run.actor,
      Started: instant(run.startedAt ?? run.createdAt),
      'Ends by': run.endedAt === undefined && run.endsBy !== undefined && instant(run.endsBy),
      'Due by': run.deadlineAt !== undefined && instant(run.deadlineAt),
      Took: <Took from={run.startedAt} to={run.endedAt} />,
      Commit: run.commit && <code>{run.commit.slice(0, 10)}</code>,
      Revision: run.revision && <Ref id={run.revision} project={run.project} />,
      ...Object.fromEntries(
        Object.entries(run.params).map(([name, value]) => [name, <code key={name}>{String(value)}</code>]),
      ),
    }}
  />
)
