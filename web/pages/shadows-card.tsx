import { latency, number, percent } from '../format.ts'
import { Card } from '../ui/card.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { DeploymentDetail } from '../wire.ts'

/** What would a revision have answered that gets copies of requests? Nothing while none has got any. */
export function ShadowsCard({ deployment: { revisions, shadows } }: { deployment: DeploymentDetail }) {
  if (shadows.length === 0) return null
  const numbers = new Map(revisions.map(({ id, number: position }) => [id as string, position]))
  return (
    <Card title="Shadows" note="copies of requests, answered to nobody" flush>
      <Table
        label="Shadows beside the revisions that answered"
        rows={shadows}
        columns={columnsOf(numbers)}
        keyOf={({ revision, against }) => `${revision} ${against}`}
        empty={null}
      />
    </Card>
  )
}

type Shadow = DeploymentDetail['shadows'][number]

const short = (value: number): string => number(Number(value.toPrecision(3)))

const columnsOf = (numbers: ReadonlyMap<string, number>): readonly Column<Shadow>[] => [
  {
    title: 'Revision',
    cell: ({ revision, against }) => (
      <span>
        <span className="strong">{numbers.get(revision)}</span> beside {numbers.get(against) ?? 'an earlier one'}
      </span>
    ),
  },
  { title: 'Rows', cell: ({ rows }) => number(rows), align: 'right' },
  {
    title: 'Says the same',
    cell: ({ rows, agreed }) => (rows === 0 ? '–' : percent(agreed / rows, 1)),
    align: 'right',
  },
  {
    title: 'Difference',
    cell: ({ differenceMean, differenceMax }) => `${short(differenceMean)}, at most ${short(differenceMax)}`,
    align: 'right',
    wide: true,
  },
  {
    title: 'Scores shift',
    cell: ({ scorePsi, scorePsiByChance = 0 }) =>
      scorePsi === undefined ? '–' : `${short(scorePsi)}${scorePsi > scorePsiByChance ? '' : ', by chance'}`,
    align: 'right',
    wide: true,
  },
  { title: 'Failed', cell: ({ errors }) => number(errors), align: 'right' },
  { title: 'Dropped', cell: ({ dropped }) => number(dropped), align: 'right', wide: true },
  {
    title: 'p95',
    cell: ({ latencyP95Ms, againstP95Ms }) => `${latency(latencyP95Ms)} beside ${latency(againstP95Ms)}`,
    align: 'right',
    wide: true,
  },
]
