import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { environmentsOf, readBuildLog } from '../api.ts'
import { bytes } from '../format.ts'
import { Facts } from '../ui/card.tsx'
import { Ago, Took } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Environment, Task } from '../wire.ts'
import { GrowingLog } from './growing-log.tsx'

const liveMs = 5_000

/** How were the packages of this task built? Of environments that are still on the server's machine. */
export function TaskEnvironments({ task }: { task: Task }) {
  const { data, error } = useQuery({
    ...environmentsOf(task.id),
    refetchInterval: query => query.state.data?.items.some(({ state }) => state === 'building') && liveMs,
  })
  if (error) return <Trouble error={error} />
  return data?.items.map(environment => <Built key={environment.digest} environment={environment} task={task.id} />)
}

function Built({ environment, task }: { environment: Environment; task: string }) {
  const [isOpen, setOpen] = useState(false)
  const { digest, kind, lock, state, size, startedAt, endedAt, lastUsedAt, isInUse, error } = environment
  return (
    <section className="stack-tight">
      <h3>
        Packages of {lock} ({kind})
      </h3>
      <Facts
        facts={{
          State: state,
          Built: endedAt !== undefined && <Ago at={endedAt} />,
          'Building took': endedAt !== undefined && <Took from={startedAt} to={endedAt} />,
          Size: size !== undefined && bytes(size),
          'Last used': isInUse ? 'now' : <Ago at={lastUsedAt} />,
        }}
      />
      {error && <p className="trouble small">{error}</p>}
      <button type="button" className="tag" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Hide' : 'Show'} the log of the build
      </button>
      {isOpen && (
        <GrowingLog
          of={['build-log', digest, startedAt]}
          read={(offset, signal) => readBuildLog(task, digest, offset, signal)}
        />
      )}
    </section>
  )
}
