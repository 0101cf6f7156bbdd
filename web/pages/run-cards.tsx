import { number } from '../format.ts'
import { Card } from '../ui/card.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { DatasetInput, TrackingRun } from '../wire.ts'

/** Tags that MLflow's clients set for themselves; what a reader wants of them stands elsewhere on the page. */
export const isPlainTag = ([key]: readonly [string, string]): boolean =>
  !key.startsWith('mlflow.') && !/^trainyard\.(?:code|environment)\b/.test(key)

type Pair = readonly [name: string, text: string]

const pairs: readonly Column<Pair>[] = [
  { title: 'Name', cell: ([name]) => <code>{name}</code> },
  { title: 'Value', cell: ([, text]) => <span className="long-text">{text}</span> },
]

const None = ({ children }: { children: string }) => <p className="muted small card-body">{children}</p>

export const TextTable = ({
  label,
  texts,
  none,
}: {
  label: string
  texts: Readonly<Record<string, string>>
  none: string
}) => (
  <Table
    label={label}
    rows={Object.entries(texts).toSorted(([a], [b]) => a.localeCompare(b, 'en'))}
    columns={pairs}
    keyOf={([name]) => name}
    empty={<None>{none}</None>}
  />
)

type Latest = readonly [name: string, point: TrackingRun['metrics'][string]]

const latest: readonly Column<Latest>[] = [
  { title: 'Name', cell: ([name]) => <code>{name}</code> },
  {
    title: 'Value',
    cell: ([, { value }]) => (value === null ? 'NaN' : <span title={String(value)}>{number(value)}</span>),
    align: 'right',
  },
  { title: 'Step', cell: ([, { step }]) => number(step), align: 'right' },
  { title: 'At', cell: ([, { at }]) => <Ago at={at} />, align: 'right', wide: true },
]

export const LatestMetrics = ({ metrics }: Pick<TrackingRun, 'metrics'>) => (
  <Table
    label="Latest value of each metric"
    rows={Object.entries(metrics).toSorted(([a], [b]) => a.localeCompare(b, 'en'))}
    columns={latest}
    keyOf={([name]) => name}
    empty={<None>No metric was logged.</None>}
  />
)

const datasets: readonly Column<DatasetInput>[] = [
  { title: 'Dataset', cell: ({ name }) => <span className="strong">{name}</span> },
  { title: 'For', cell: ({ context }) => context },
  { title: 'Digest', cell: ({ digest }) => <code>{digest}</code> },
  { title: 'Source', cell: ({ sourceType }) => sourceType, wide: true },
]

export const DatasetsCard = ({ datasets: rows }: Pick<TrackingRun, 'datasets'>) => (
  <Card title="Datasets" note="what it read" flush>
    <Table
      label="Datasets"
      rows={rows}
      columns={datasets}
      keyOf={({ name, digest, context }) => `${name} ${digest} ${context ?? ''}`}
      empty={<None>No dataset was logged.</None>}
    />
  </Card>
)

const linesMax = 400

/** Changes that were not committed, where the client sent them. */
export function CodeCard({ run: { tags } }: { run: Pick<TrackingRun, 'tags'> }) {
  const diff = tags['mlflow.source.git.diff']
  const commit = tags['mlflow.source.git.commit']
  if (!diff) return undefined
  const lines = diff.split('\n')
  return (
    <Card title="Code" note={commit ? `changes on top of ${commit.slice(0, 10)}` : 'changes'} flush>
      <pre className="diff" aria-label="Changes that were not committed">
        {lines.slice(0, linesMax).map((line, index) => (
          <span key={index} className={classOf(line)}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
      {lines.length > linesMax && <p className="muted small card-body">{lines.length - linesMax} more lines.</p>}
    </Card>
  )
}

const classOf = (line: string): string | undefined => {
  if (line.startsWith('+')) return 'added'
  return line.startsWith('-') ? 'removed' : undefined
}
