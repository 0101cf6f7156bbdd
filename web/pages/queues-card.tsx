import { useSuspenseQuery } from '@tanstack/react-query'
import { queuesOf } from '../api.ts'
import { number } from '../format.ts'
import { Card } from '../ui/card.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { Queue } from '../wire.ts'

/** What becomes of the messages of the deployment's queues? Nothing while it has none. */
export function QueuesCard({ deployment }: { deployment: string }) {
  const { items } = useSuspenseQuery(queuesOf(deployment)).data
  if (items.length === 0) return null
  const failing = items.filter(({ error }) => error !== undefined)
  return (
    <Card title="Queues" note="messages answered by the model server" flush>
      <Table label="Queues of the deployment" rows={items} columns={columns} keyOf={({ name }) => name} empty={null} />
      {failing.map(({ name, error }) => (
        <p key={name} className="card-body small soft">
          {name}: {error}
        </p>
      ))}
    </Card>
  )
}

const columns: readonly Column<Queue>[] = [
  { title: 'Queue', cell: ({ name }) => <span className="strong">{name}</span> },
  { title: 'State', cell: ({ state }) => <State state={state} /> },
  { title: 'From, to', cell: ({ broker, input, output }) => `${broker}: ${input} → ${output}`, wide: true },
  { title: 'Waiting', cell: ({ lag }) => (lag === undefined ? '–' : number(lag)), align: 'right' },
  { title: 'Answered', cell: ({ answered }) => number(answered), align: 'right' },
  { title: 'Dead letters', cell: ({ dead }) => number(dead), align: 'right' },
]
