import { useQueryClient } from '@tanstack/react-query'
import { History } from 'lucide-react'
import { useState } from 'react'
import { startBackfill } from '../api.ts'
import { ReasonButton } from '../ui/reason-button.tsx'
import type { Pipeline } from '../wire.ts'

const dayMs = 86_400_000
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** Runs a pipeline for the days of a schedule that are past, once for each instant. */
export function BackfillButton({ project, pipeline }: { project: string; pipeline: Pipeline }) {
  const cache = useQueryClient()
  const [from, setFrom] = useState(() => dayOf(Date.now() - 7 * dayMs))
  const [to, setTo] = useState(() => dayOf(Date.now() - dayMs))
  const [again, setAgain] = useState<'none' | 'failed' | 'all'>('none')
  const [concurrency, setConcurrency] = useState(1)
  const start = async (): Promise<void> => {
    const range = { from: `${from}T00:00:00.000Z`, to: `${to}T23:59:59.999Z` }
    await startBackfill(project, pipeline.name, { ...range, again, concurrency })
    await cache.invalidateQueries({ queryKey: ['backfills', project] })
  }
  return (
    <ReasonButton
      label="Back-fill"
      icon={<History size={13} />}
      explain="Starts a run for each instant of the schedule from the first day to the last (UTC) that has none yet."
      isReasoned={false}
      onConfirm={start}
    >
      <div className="row small">
        <label>
          From <input className="select" type="date" value={from} onChange={event => setFrom(event.target.value)} />
        </label>
        <label>
          to <input className="select" type="date" value={to} onChange={event => setTo(event.target.value)} />
        </label>
        <label>
          Runs at once{' '}
          <input
            className="select"
            type="number"
            min={1}
            max={100}
            value={concurrency}
            onChange={event => setConcurrency(Number(event.target.value))}
          />
        </label>
        <select
          className="select"
          aria-label="Runs that there are"
          value={again}
          onChange={event => setAgain(event.target.value as typeof again)}
        >
          <option value="none">keep runs that there are</option>
          <option value="failed">make failed ones anew</option>
          <option value="all">make all anew</option>
        </select>
      </div>
    </ReasonButton>
  )
}
