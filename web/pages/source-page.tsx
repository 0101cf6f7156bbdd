import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { acceptContract, datasetVersionsOf, sourcesOf } from '../api.ts'
import { bytes, number, percent, plural } from '../format.ts'
import { lineagePath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Card, Facts } from '../ui/card.tsx'
import { MiniHistogram } from '../ui/charts/mini-histogram.tsx'
import { Id } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { ReasonButton } from '../ui/reason-button.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { ColumnProfile, Contract, DatasetVersion, Violation } from '../wire.ts'
import { verdicts } from './data-page.tsx'

/** What is in this data, and does it keep its contract? */
export function SourcePage() {
  const { project, source } = useParams({ from: '/p/$project/data/$source' })
  const { version } = useSearch({ from: '/p/$project/data/$source' })
  const { data: versions } = useSuspenseQuery(datasetVersionsOf(project, source))
  const { data: sources } = useSuspenseQuery(sourcesOf(project))
  const contract = sources.items.find(({ name }) => name === source)?.contract
  const shown = versions.items.find(({ id }) => id === version) ?? versions.items[0]
  const empty = (
    <Empty
      title="No version yet"
      commands={[`curl -T rows.csv ${location.origin}/api/v1/projects/${project}/sources/${source}/data`]}
    >
      A version is made when the pipeline that ingests this source runs. Data without a path is uploaded:
    </Empty>
  )
  return (
    <Page
      title={source}
      above={[
        [project, `/p/${project}`],
        ['Data & features', `/p/${project}/data`],
      ]}
      badge={shown && <State state={shown.verdict} label={`contract ${verdicts[shown.verdict]}`} />}
      actions={<AcceptButton project={project} source={source} newest={versions.items[0]} />}
    >
      {shown && <Version version={shown} contract={contract} />}
      <Card title="Versions" flush>
        <Table
          label="Versions, newest first"
          rows={versions.items}
          columns={versionColumns}
          keyOf={({ id }) => id}
          selected={shown?.id}
          empty={empty}
        />
      </Card>
    </Page>
  )
}

function AcceptButton({
  project,
  source,
  newest,
}: {
  project: string
  source: string
  newest: DatasetVersion | undefined
}) {
  const cache = useQueryClient()
  const accept = async (reason: string): Promise<void> => {
    await acceptContract(project, source, reason)
    await cache.invalidateQueries({ queryKey: ['sources'] })
  }
  return (
    <ReasonButton
      label="Accept as the new contract"
      explain={`What version ${newest?.version} looks like becomes what later versions and live requests must keep.`}
      disabledReason={newest ? undefined : 'There is no version to take a contract from.'}
      onConfirm={accept}
    />
  )
}

function Version({ version, contract }: { version: DatasetVersion; contract: Contract | undefined }) {
  return (
    <>
      {version.violations.length > 0 && <Violations violations={version.violations} />}
      <Card
        title={`Version ${version.version}`}
        note={version.origin}
        actions={<To to={lineagePath(version.id)}>Lineage</To>}
        flush
      >
        <div className="card-body">
          <Facts
            facts={{
              Rows: number(version.rows),
              Size: bytes(version.bytes),
              Made: <Ago at={version.createdAt} />,
              By: version.run && <Ref id={version.run} project={version.project} />,
              Parquet: <Id id={version.digest} />,
              Id: <Id id={version.id} />,
              Key: contract?.key.join(', '),
              'Rows at least': contract && number(contract.rowsMin),
            }}
          />
        </div>
        <Profile columns={version.columns} contract={contract} />
      </Card>
    </>
  )
}

export const Violations = ({ violations }: { violations: readonly Violation[] }) => (
  <Card title="Violations" note={plural(violations.length, 'rule broken', 'rules broken')} flush>
    <Table
      label="Violations of the contract"
      rows={violations}
      columns={violationColumns}
      keyOf={({ column, rule }) => column + rule}
      empty={undefined}
    />
  </Card>
)

const violationColumns: readonly Column<Violation>[] = [
  { title: 'Column', cell: ({ column }) => <code>{column}</code> },
  { title: 'Rule', cell: ({ rule }) => <State state="broken" label={rule.replaceAll('_', ' ')} /> },
  { title: 'Found', cell: ({ found }) => found },
  { title: 'Allowed', cell: ({ allowed }) => allowed },
  { title: 'Rows', cell: ({ rows }) => number(rows), align: 'right', wide: true },
]

function Profile({ columns, contract }: { columns: readonly ColumnProfile[]; contract: Contract | undefined }) {
  const rows = columns.map(column => ({
    ...column,
    expectation: contract?.columns.find(each => each.column === column.name),
  }))
  return (
    <Table
      label="Profile of each column"
      rows={rows}
      columns={profileColumns}
      keyOf={({ name }) => name}
      empty={undefined}
    />
  )
}

type Profiled = ColumnProfile & { readonly expectation: Contract['columns'][number] | undefined }

const profileColumns: readonly Column<Profiled>[] = [
  { title: 'Column', cell: ({ name }) => <code>{name}</code> },
  { title: 'Type', cell: ({ type }) => <span className="muted">{type}</span>, wide: true },
  {
    title: 'Missing',
    cell: ({ missing, count }) => (missing === 0 ? '0' : percent(missing / Math.max(1, count), 1)),
    align: 'right',
  },
  { title: 'Distinct', cell: ({ distinct }) => number(distinct), align: 'right', wide: true },
  { title: 'Distribution', cell: column => <MiniHistogram column={column} /> },
  { title: 'Least', cell: ({ min, type }) => bound(min, type), align: 'right', wide: true },
  { title: 'Mean', cell: ({ mean, type }) => bound(mean, type), align: 'right', wide: true },
  { title: 'Most', cell: ({ max, type }) => bound(max, type), align: 'right', wide: true },
  {
    title: 'Contract',
    cell: ({ expectation }) => <span className="small soft">{expectation ? promised(expectation) : '–'}</span>,
    wide: true,
  },
]

const isTime = (type: string): boolean => type === 'date' || type === 'timestamp'
const bound = (value: number | undefined, type: string): string =>
  value === undefined ? '–' : isTime(type) ? new Date(value).toISOString().slice(0, 10) : number(value)

function promised({ type, min, max, values, missingMax }: NonNullable<Profiled['expectation']>): string {
  const range = min !== undefined && max !== undefined ? `${bound(min, type)} to ${bound(max, type)}` : undefined
  const known = values && (values.length > 4 ? `${values.length} known values` : values.join(', '))
  return [range, known, missingMax === 0 ? 'never missing' : `missing ≤ ${percent(missingMax, 1)}`]
    .filter(Boolean)
    .join(' · ')
}

const versionColumns: readonly Column<DatasetVersion>[] = [
  {
    title: 'Version',
    cell: ({ id, version, project, source }) => (
      <span className="strong">
        <Link to="/p/$project/data/$source" params={{ project, source }} search={{ version: id }}>
          v{version}
        </Link>
      </span>
    ),
  },
  { title: 'Contract', cell: ({ verdict }) => <State state={verdict} label={verdicts[verdict]!} /> },
  { title: 'Rows', cell: ({ rows }) => number(rows), align: 'right' },
  { title: 'Size', cell: version => bytes(version.bytes), align: 'right', wide: true },
  { title: 'Run', cell: ({ run, project }) => run && <Ref id={run} project={project} />, wide: true },
  { title: 'Digest', cell: ({ digest }) => <Id id={digest} />, wide: true },
  { title: 'Made', cell: ({ createdAt }) => <Ago at={createdAt} />, align: 'right' },
]
