import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { linesOf } from '../api.ts'
import { number } from '../format.ts'
import { Skeleton } from '../ui/card.tsx'
import { words } from '../ui/state.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { TaskLine } from '../wire.ts'

const liveMs = 3_000

interface TaskLinesProps {
  readonly run: string
  /** Whose calls are listed; the tasks of the pipeline when left out. */
  readonly task?: string
  /** How many there are in each state. */
  readonly states: Readonly<Partial<Record<TaskLine['state'], number>>>
  readonly isLive: boolean
  readonly children: (lines: readonly TaskLine[]) => ReactNode
}

/** Tasks that may be thousands: those in one state, a page at a time. */
export function TaskLines({ run, task, states, isLive, children }: TaskLinesProps) {
  const [state, setState] = useState<TaskLine['state']>()
  const [after, setAfter] = useState<string>()
  const filter = { ...(task !== undefined && { of: task }), state, after }
  const { data, error } = useQuery({ ...linesOf(run, filter), refetchInterval: isLive && liveMs })
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
        {Object.entries(states).map(([name, count]) => (
          <button
            key={name}
            type="button"
            className="tag"
            aria-pressed={state === name}
            onClick={() => show(name as TaskLine['state'])}
          >
            {number(count)} {words(name)}
          </button>
        ))}
      </div>
      {data ? children(data.items) : <Skeleton />}
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
