import { dayOf, number, signed } from '../format.ts'
import { Ref } from '../shell/link.tsx'
import { Card } from '../ui/card.tsx'
import { Interval } from '../ui/charts/interval.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { Evaluation } from '../wire.ts'

/** The metric that decides, with its value; a dash for a version that nobody evaluated. */
export const scoreOf = (evaluation: Evaluation | undefined): string =>
  evaluation ? `${evaluation.metric} ${number(evaluation.metrics[evaluation.metric] ?? NaN)}` : '–'

/** What the version reached, beside its champion on the same rows. */
export function Metrics({ evaluation, project }: { evaluation: Evaluation; project: string }) {
  const { champion, difference, from, to } = evaluation
  const rows = Object.entries(evaluation.metrics).map(([name, value]) => ({
    name,
    value,
    champion: champion?.metrics[name],
    isMain: name === evaluation.metric,
  }))
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: 'Metric', cell: row => (row.isMain ? <b className="strong">{row.name}</b> : row.name) },
    {
      title: 'This version',
      cell: row => <span className={row.isMain ? 'strong' : ''}>{number(row.value)}</span>,
      align: 'right',
    },
    ...(champion
      ? ([
          {
            title: `Champion v${champion.number}`,
            cell: row => (row.champion === undefined ? '–' : number(row.champion)),
            align: 'right',
          },
          {
            title: 'Difference',
            cell: row => (row.champion === undefined ? '–' : signed(row.value - row.champion)),
            align: 'right',
          },
        ] as const satisfies readonly Column<(typeof rows)[number]>[])
      : []),
  ]
  const span = from !== undefined && to !== undefined ? `, ${dayOf(from)} to ${dayOf(to)}` : ''
  return (
    <Card
      title="Evaluation"
      note={`${number(evaluation.rows)} test rows${span}`}
      actions={
        champion && (
          <span className="small">
            against{' '}
            <Ref id={champion.version} project={project}>
              v{champion.number}
            </Ref>{' '}
            on the same rows
          </span>
        )
      }
      flush
    >
      <Table label="Metrics" rows={rows} columns={columns} keyOf={({ name }) => name} empty={undefined} />
      {difference && (
        <div className="card-body stack-tight">
          <p className="small">
            {difference.loss} per row, this minus champion: <b>{signed(difference.difference)}</b> with a 95 % interval
            of [{signed(difference.lower)}, {signed(difference.upper)}], {verdictOf(difference)}.
          </p>
          <Interval {...difference} />
        </div>
      )}
    </Card>
  )
}

const verdictOf = ({ lower, upper }: { lower: number; upper: number }): string =>
  upper < 0 ? 'better beyond chance' : lower > 0 ? 'worse beyond chance' : 'a difference that chance can explain'

/** The rules that let it through, or did not. */
export const Gate = ({ evaluation: { gate } }: { evaluation: Evaluation }) => (
  <Card title="Gate" actions={<State state={gate.passed ? 'passed' : 'failed'} />} flush>
    <Table
      label="Rules of the gate"
      rows={gate.rules}
      columns={ruleColumns}
      keyOf={({ rule }) => rule}
      empty={undefined}
    />
  </Card>
)

const ruleColumns: readonly Column<Evaluation['gate']['rules'][number]>[] = [
  {
    title: 'Rule',
    cell: ({ rule, passed }) => (
      <span className="wrap">
        <State state={passed ? 'passed' : 'failed'} label={rule} />
      </span>
    ),
  },
  { title: 'Measured', cell: ({ measured }) => measured },
  { title: 'Required', cell: ({ required }) => required },
]
