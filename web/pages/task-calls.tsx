import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { callsOf } from '../api.ts'
import { inline } from '../format.ts'
import { Skeleton } from '../ui/card.tsx'
import { State, words } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Took } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Task, TaskLine } from '../wire.ts'

const liveMs = 3_000

/** Which items did this task work on, and what became of each? */
export function TaskCalls({ task, onSelect }: { task: Task; onSelect: (task: string) => void }) {
  const [state, setState] = useState<TaskLine['state']>()
  const [after, setAfter] = useState<string>()
  const isLive = task.state === 'waiting' || task.state === 'running'
  const { data, error } = useQuery({ ...callsOf(task, { state, after }), refetchInterval: isLive && liveMs })
  const show = (next: TaskLine['state'] | undefined): void => {
    setState(next)
    setAfter(undefined)
  }
  if (error) return <Trouble error={error} />
  return (
    <div className="stack-tight">
      <div className="row card-body">
        <button type="button" className="tag" aria-pressed={state === undefined} onClick={() => show(undefined)}>
          all
        </button>
        {Object.entries(task.items ?? {}).map(([name, count]) => (
          <button
            key={name}
            type="button"
            className="tag"
            aria-pressed={state === name}
            onClick={() => show(name as TaskLine['state'])}
          >
            {count} {words(name)}
          </button>
        ))}
      </div>
      {data ? (
        <Table
          label={`Items of ${task.name}`}
          rows={data.items}
          columns={columnsOf(onSelect)}
          keyOf={line => line.id}
          empty={<p className="muted small card-body">No item is in this state.</p>}
        />
      ) : (
        <Skeleton />
      )}
      <div className="row card-body">
        {after !== undefined && (
          <button type="button" className="tag" onClick={() => setAfter(undefined)}>
            from the first
          </button>
        )}
        {data?.next !== undefined && (
          <button type="button" className="tag" onClick={() => setAfter(data.next)}>
            the next ones
          </button>
        )}
      </div>
    </div>
  )
}

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
