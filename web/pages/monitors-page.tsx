import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { monitorsOf } from '../api.ts'
import { dayOf, number, percent } from '../format.ts'
import { monitorPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import type { Monitor } from '../wire.ts'

/** What is drifting, and does it hurt? */
export function MonitorsPage() {
  const { project } = useParams({ from: '/p/$project/monitors' })
  const commands = useCommands(project)
  const { data } = useSuspenseQuery(monitorsOf(project))
  const empty = (
    <Empty title="Nothing to watch yet" commands={[commands.promote]}>
      A monitor is made with each deployment; its reference is the training data, its thresholds follow from the noise
      in it.
    </Empty>
  )
  return (
    <Page title="Monitors" above={[[project, `/p/${project}`]]}>
      <Card flush>
        <Table
          label="Monitors"
          rows={data.items}
          columns={columns}
          keyOf={({ deployment }) => deployment}
          empty={empty}
        />
      </Card>
    </Page>
  )
}

const columns: readonly Column<Monitor>[] = [
  {
    title: 'Deployment',
    cell: ({ project, deployment }) => (
      <span className="strong">
        <To to={monitorPath(project, deployment)}>{deployment}</To>
      </span>
    ),
  },
  { title: 'State', cell: ({ state }) => <State state={state} /> },
  { title: 'Last window', cell: ({ lastWindow }) => (lastWindow ? dayOf(lastWindow.to) : 'none yet') },
  {
    title: 'Drifting',
    cell: ({ lastWindow }) =>
      lastWindow?.signals.filter(({ kind, state }) => kind === 'feature_drift' && state === 'alarm').length ?? '–',
    align: 'right',
  },
  {
    title: 'Realised',
    cell: ({ lastWindow, metric }) =>
      lastWindow?.performance?.realised === undefined ? '–' : `${metric} ${number(lastWindow.performance.realised)}`,
    align: 'right',
    wide: true,
  },
  { title: 'Predictions', cell: ({ predictions }) => number(predictions), align: 'right', wide: true },
  {
    title: 'With truth',
    cell: ({ predictions, labelled }) => percent(labelled / Math.max(1, predictions)),
    align: 'right',
    wide: true,
  },
  { title: 'Waiting rows', cell: ({ pendingRows }) => number(pendingRows), align: 'right', wide: true },
]
