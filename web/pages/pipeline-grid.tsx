import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { gridOf } from '../api.ts'
import { instant } from '../format.ts'
import { StateGrid } from '../ui/charts/state-grid.tsx'
import type { PipelineGrid as Grid } from '../wire.ts'

/** Which task fails, since when, and which has become slow? */
export function PipelineGrid({ project, pipeline }: { project: string; pipeline: string }) {
  const navigate = useNavigate()
  const { data } = useSuspenseQuery(gridOf(project, pipeline))
  if (data.runs.length === 0) return <p className="muted small card-body">It has not run yet.</p>
  return (
    <StateGrid
      label={`The last runs of ${pipeline}, task by task`}
      columns={data.runs.map(run => ({ ...run, label: `run of ${instant(run.createdAt)}`, tookMs: tookOf(run) }))}
      rows={data.rows.map(({ task, cells }) => ({ name: task, cells }))}
      onSelect={(run, task) =>
        void navigate({
          to: '/p/$project/runs/$run',
          params: { project, run },
          search: task === undefined ? {} : { task },
        })
      }
    />
  )
}

const tookOf = ({ startedAt, endedAt }: Grid['runs'][number]): number | undefined =>
  startedAt === undefined || endedAt === undefined ? undefined : endedAt - startedAt
