import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { Ban } from 'lucide-react'
import { backfillsOf, cancelBackfill } from '../api.ts'
import { number, spanOf } from '../format.ts'
import { Card } from '../ui/card.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Backfill } from '../wire.ts'

const liveMs = 2_000

/** Runs for past instants: how far are they, and what became of them? Nothing when there are none. */
export function Backfills({ project }: { project: string }) {
  const cache = useQueryClient()
  const { data } = useSuspenseQuery({
    ...backfillsOf(project),
    refetchInterval: query => (query.state.data?.items.some(({ endedAt }) => endedAt === undefined) ? liveMs : false),
  })
  if (data.items.length === 0) return null
  const cancel = (id: string): Promise<void> =>
    cancelBackfill(project, id).then(() => cache.invalidateQueries({ queryKey: ['backfills', project] }))
  const columns: readonly Column<Backfill>[] = [
    { title: 'State', cell: one => <State state={stateOf(one)} /> },
    { title: 'Pipeline', cell: one => <span className="strong">{one.pipeline}</span> },
    { title: 'Instants', cell: one => spanOf(one.from, one.to), wide: true },
    { title: 'Progress', cell: progressOf },
    { title: 'By', cell: one => one.actor, wide: true },
    { title: 'Started', cell: one => <Ago at={one.createdAt} />, align: 'right' },
    {
      title: '',
      cell: ({ id, endedAt, cancelled }) =>
        endedAt === undefined &&
        !cancelled && (
          <ReasonButton
            label="Cancel"
            icon={<Ban size={13} />}
            danger
            explain="Begins no more runs, and cancels those that have not ended."
            isReasoned={false}
            onConfirm={() => cancel(id)}
          />
        ),
    },
  ]
  return (
    <Card title="Back-fills" flush>
      <Table label="Back-fills, newest first" rows={data.items} columns={columns} keyOf={({ id }) => id} empty={null} />
    </Card>
  )
}

const stateOf = ({ cancelled, error, endedAt, runs }: Backfill): string => {
  if (cancelled) return 'cancelled'
  if (error !== undefined || (endedAt !== undefined && (runs.failed ?? 0) > 0)) return 'failed'
  return endedAt === undefined ? 'running' : 'done'
}

const progressOf = ({ total, looked, kept, runs, error }: Backfill): string =>
  error ??
  [
    `${number(looked)} of ${number(total)}`,
    ...(kept > 0 ? [`${number(kept)} kept their run`] : []),
    ...Object.entries(runs).map(([state, count]) => `${number(count)} ${state}`),
  ].join(', ')
