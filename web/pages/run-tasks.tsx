import { useQuery } from '@tanstack/react-query'
import { linesOf, taskOf } from '../api.ts'
import { number } from '../format.ts'
import { Skeleton } from '../ui/card.tsx'
import { Gantt } from '../ui/charts/gantt.tsx'
import { LazyGraph } from '../ui/graph/index.tsx'
import { StateIcon, toneOf, words } from '../ui/state.tsx'
import { Took } from '../ui/time.tsx'
import type { Run, RunOverview, TaskLine } from '../wire.ts'
import { TaskLines } from './task-lines.tsx'

interface RunTasksProps {
  readonly overview: RunOverview
  readonly isLive: boolean
  readonly selected: string | undefined
  readonly onSelect: (task: string) => void
}

/** The tasks as a graph and in time: all of them, or of very many a page, and the graph around the one that is selected. */
export function RunTasks({ overview: { run, states, tasks }, isLive, selected, onSelect }: RunTasksProps) {
  const shown = { selected, onSelect }
  if (tasks.next === undefined)
    return (
      <>
        <TaskGraph tasks={tasks.items} {...shown} />
        <TaskGantt run={run} tasks={tasks.items} {...shown} />
      </>
    )
  return (
    <>
      {selected !== undefined && <Around run={run.id} task={selected} onSelect={onSelect} />}
      <TaskLines run={run.id} states={states} isLive={isLive}>
        {lines => <TaskGantt run={run} tasks={lines} {...shown} />}
      </TaskLines>
    </>
  )
}

/** A task with what it needs and what needs it. */
function Around({ run, task: name, onSelect }: { run: string; task: string; onSelect: (task: string) => void }) {
  const { data: detail } = useQuery(taskOf(run, name))
  const id = detail?.task.id
  const { data } = useQuery({ ...linesOf(run, { around: id ?? '' }), enabled: id !== undefined })
  if (!data || !detail) return <Skeleton />
  const near = data.items.filter(line => line.id !== id)
  return <TaskGraph tasks={[detail.task, ...near]} selected={name} onSelect={onSelect} />
}

interface TasksProps {
  readonly tasks: readonly TaskLine[]
  readonly selected: string | undefined
  readonly onSelect: (task: string) => void
}

const TaskGantt = ({ run, tasks, ...shown }: TasksProps & { run: Run }) => (
  <Gantt
    bars={tasks.map(task => ({ ...task, id: task.name }))}
    from={run.startedAt ?? run.createdAt}
    to={run.endedAt}
    {...shown}
  />
)

/** `312 of 10,000 items`, and how many of them have failed. */
function itemsIn(items: NonNullable<TaskLine['items']>): string {
  const all = Object.values(items).reduce((sum, count) => sum + count, 0)
  const failed = items.failed ? `, ${number(items.failed)} failed` : ''
  return `${number((items.succeeded ?? 0) + (items.cached ?? 0))} of ${number(all)} items${failed}`
}

function TaskGraph({ tasks, selected, onSelect }: TasksProps) {
  const names = new Set(tasks.map(({ name }) => name))
  const edges = tasks.flatMap(({ name, needs, state }) =>
    needs.filter(need => names.has(need)).map(need => ({ from: need, to: name, moving: state === 'running' })),
  )
  const nodes = tasks.map(task => ({
    id: task.name,
    tone: `tone-${toneOf(task.state)}`,
    label: `Task ${task.name}, ${task.state}`,
    isSelected: task.name === selected,
    face: (
      <>
        <b>
          <span className={`tone-${toneOf(task.state)}`}>
            <StateIcon state={task.state} size={13} />
          </span>
          <span className="clip">{task.name}</span>
        </b>
        <small className="clip">
          {task.startedAt === undefined ? words(task.state) : <Took from={task.startedAt} to={task.endedAt} />}
          {task.items ? ` · ${itemsIn(task.items)}` : task.attempt > 1 && ` · attempt ${task.attempt}`} · {task.kind}
        </small>
      </>
    ),
  }))
  return <LazyGraph nodes={nodes} edges={edges} label="Tasks of this run" onSelect={onSelect} heightMax={420} />
}
