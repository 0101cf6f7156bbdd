import { inline } from '../format.ts'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Took } from '../ui/time.tsx'
import type { Task, TaskLine } from '../wire.ts'
import { TaskLines } from './task-lines.tsx'

/** Which items did this task work on, and what became of each? */
export const TaskCalls = ({ task, onSelect }: { task: Task; onSelect: (task: string) => void }) => (
  <TaskLines
    run={task.run}
    task={task.id}
    states={task.items ?? {}}
    isLive={task.state === 'waiting' || task.state === 'running'}
  >
    {lines => (
      <Table
        label={`Items of ${task.name}`}
        rows={lines}
        columns={columnsOf(onSelect)}
        keyOf={line => line.id}
        empty={<p className="muted small card-body">No item is in this state.</p>}
      />
    )}
  </TaskLines>
)

const columnsOf = (onSelect: (task: string) => void): readonly Column<TaskLine>[] => [
  {
    title: 'Item',
    cell: line => (
      <button type="button" className="tag" onClick={() => onSelect(line.name)}>
        {line.name}
      </button>
    ),
  },
  {
    title: 'Value',
    cell: ({ item }) => <code className="clip">{item === undefined ? '' : inline(item)}</code>,
    wide: true,
  },
  { title: 'State', cell: line => <State state={line.state} /> },
  { title: 'Why', cell: ({ error, reason }) => <span className="clip">{error ?? reason}</span>, wide: true },
  {
    title: 'Took',
    cell: line => line.startedAt !== undefined && <Took from={line.startedAt} to={line.endedAt} />,
    align: 'right',
  },
]
