import { useSuspenseQuery } from '@tanstack/react-query'
import { predictionsOf } from '../api.ts'
import { eventTimeOf, inline, number, shortId } from '../format.ts'
import { lineagePath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Deployment, Prediction } from '../wire.ts'

/** The predictions that came last, whatever instant they are about, each leading to where it came from. */
export function Predictions({ deployment: { name, project, revisions } }: { deployment: Deployment }) {
  const commands = useCommands(project)
  const { data } = useSuspenseQuery(predictionsOf(name))
  const numbers = new Map<string, number>(revisions.map(({ version, versionNumber }) => [version, versionNumber]))
  const empty = (
    <Empty title="No prediction has been logged yet" commands={[commands.predict]}>
      Every request is logged with its features, output and revision. Send the first:
    </Empty>
  )
  return (
    <Table
      label="Predictions, last received first"
      rows={data.items}
      columns={columnsOf(project, numbers)}
      keyOf={({ id }) => id}
      empty={empty}
    />
  )
}

const columnsOf = (project: string, numbers: ReadonlyMap<string, number>): readonly Column<Prediction>[] => [
  {
    title: 'Prediction',
    cell: ({ id }) => (
      <To to={lineagePath(id)} className="mono small" title="Lineage">
        {shortId(id)}
      </To>
    ),
  },
  {
    title: 'About',
    cell: ({ eventTime, key }) => (
      <>
        {key !== undefined && <div className="nowrap">{key}</div>}
        <div className="small muted nowrap">{eventTimeOf(eventTime)}</div>
      </>
    ),
  },
  {
    title: 'Output',
    cell: ({ outputs, error }) =>
      error ? <State state="failed" label={error} /> : <span className="strong">{pairs(outputs)}</span>,
  },
  {
    title: 'Features',
    cell: ({ features }) => (
      <div className="clip features small soft" title={pairs(features)}>
        {pairs(features)}
      </div>
    ),
    wide: true,
  },
  {
    title: 'Version',
    cell: ({ version }) => (
      <Ref id={version} project={project}>
        {numbers.has(version) ? `v${numbers.get(version)}` : undefined}
      </Ref>
    ),
    wide: true,
  },
  { title: 'Received', cell: ({ receivedAt }) => <Ago at={receivedAt} />, align: 'right', wide: true },
  {
    title: 'Took',
    cell: ({ latencyMs }) => <span className="nowrap">{number(Number(latencyMs.toPrecision(2)))} ms</span>,
    align: 'right',
    wide: true,
  },
]

const pairs = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${inline(value)}`)
    .join(' · ')
