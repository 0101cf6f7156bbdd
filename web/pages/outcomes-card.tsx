import { useSuspenseQuery } from '@tanstack/react-query'
import { outcomesOf } from '../api.ts'
import { instant, number } from '../format.ts'
import { Card } from '../ui/card.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { Outcomes } from '../wire.ts'

/** Which of the revisions that share the requests is better, by the truth about their answers? Nothing while only one has answered. */
export function OutcomesCard({ deployment }: { deployment: string }) {
  const { data: outcomes } = useSuspenseQuery(outcomesOf(deployment))
  const { arms, differences, loss, from, to } = outcomes
  if (from === undefined || loss === undefined) return null
  const since = `${loss.replaceAll('_', ' ')} of answers since ${instant(from)}${to === undefined ? '' : `, until ${instant(to)}`}`
  return (
    <Card title="By the truth" note={since} flush>
      <Table
        label="Loss of each revision"
        rows={arms}
        columns={columnsOf(outcomes)}
        keyOf={({ revision }) => revision}
        empty={null}
      />
      <div className="card-body stack-tight">
        {differences.map(({ revision, reason }) => (
          <p key={revision} className="small soft">
            {reason}
          </p>
        ))}
        <p className="muted small">
          The bounds hold at every look, 19 times of 20. Answers count whose truth is known and whose revision was drawn
          by lot.
        </p>
      </div>
    </Card>
  )
}

type Arm = Outcomes['arms'][number]

const verdicts = {
  better: { state: 'ok', label: 'better' },
  worse: { state: 'fail', label: 'worse' },
  open: { state: 'waiting', label: 'not known yet' },
} as const

const bounds = (value: { value: number; low: number; high: number } | undefined): string =>
  value === undefined ? '–' : `${rounded(value.value)} (${rounded(value.low)} to ${rounded(value.high)})`
const rounded = (value: number): string => number(Number(value.toPrecision(3)))

const columnsOf = ({ differences }: Outcomes): readonly Column<Arm>[] => [
  { title: 'Revision', cell: arm => <span className="strong">{arm.number}</span> },
  { title: 'Answers with truth', cell: ({ rows }) => number(rows), align: 'right' },
  { title: 'Loss', cell: ({ loss }) => bounds(loss), align: 'right' },
  {
    title: 'More than the first',
    cell: ({ revision }) => bounds(differences.find(difference => difference.revision === revision)),
    align: 'right',
    wide: true,
  },
  {
    title: 'Verdict',
    cell({ revision }) {
      const found = differences.find(difference => difference.revision === revision)
      return found ? <State {...verdicts[found.verdict]} /> : '–'
    },
  },
]
