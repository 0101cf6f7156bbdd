import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { studiesOf } from '../api-tuning.ts'
import { number } from '../format.ts'
import { studyPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Study } from '../wire.ts'

/** Which searches for hyperparameters are there, and what did they find? */
export function StudiesPage() {
  const { project } = useParams({ from: '/p/$project/tuning' })
  return (
    <Page title="Tuning" above={[[project, `/p/${project}`]]}>
      <Panel title="Studies" flush lines={6}>
        <Studies project={project} />
      </Panel>
    </Page>
  )
}

function Studies({ project }: { project: string }) {
  const { data } = useSuspenseQuery(studiesOf(project))
  return (
    <Table
      label="Studies, newest first"
      rows={data.items}
      columns={columns}
      keyOf={({ id }) => id}
      empty={
        <Empty title="No study yet" commands={['trainyard plan', 'trainyard apply']}>
          Add `tune` to a task in the project file: its space, metric and number of trials. Or ask for trials over HTTP,
          from any language.
        </Empty>
      }
    />
  )
}

export const stateOf = ({ state, criterion }: Study): string =>
  state === 'running' ? 'running' : criterion === 'cancelled' ? 'cancelled' : 'done'

export const endedOf = ({ trials }: Study): number => trials.complete + trials.pruned + trials.failed

const columns: readonly Column<Study>[] = [
  { title: 'State', cell: study => <State state={stateOf(study)} /> },
  {
    title: 'Study',
    cell: study => (
      <span className="strong">
        <To to={studyPath(study.project, study.name)}>{study.name}</To>
      </span>
    ),
  },
  { title: 'Metric', cell: study => <span className="soft">{`${study.direction} ${study.metric}`}</span>, wide: true },
  { title: 'Sampler', cell: study => String(study.sampler['type']), wide: true },
  { title: 'Trials', cell: study => `${endedOf(study)} of ${study.budget.trials}`, align: 'right' },
  { title: 'Best', cell: study => (study.best ? number(study.best.value) : '–'), align: 'right' },
  { title: 'Begun', cell: study => <Ago at={study.createdAt} />, align: 'right' },
]
