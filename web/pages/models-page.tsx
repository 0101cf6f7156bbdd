import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { modelsOf } from '../api.ts'
import { scoreOf } from './evaluation-cards.tsx'
import { modelPath } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Model } from '../wire.ts'

/** Which version of each model is the champion? */
export function ModelsPage() {
  const { project } = useParams({ from: '/p/$project/models' })
  const { data } = useSuspenseQuery(modelsOf(project))
  return (
    <Page title="Models" above={[[project, `/p/${project}`]]} actions={<To to="/models">Models of all projects</To>}>
      <Card flush>
        <Table
          label="Models"
          rows={data.items}
          columns={columns}
          keyOf={({ name }) => name}
          empty={<NoModel project={project} />}
        />
      </Card>
    </Page>
  )
}

const NoModel = ({ project }: { project: string }) => (
  <Empty title="No model has been registered yet" commands={[useCommands(project).run('registry.register')]}>
    The training pipeline registers a version when its evaluation passes the gate. Run it:
  </Empty>
)

const none = <span className="muted">none</span>

const columns: readonly Column<Model>[] = [
  {
    title: 'Model',
    cell: ({ project, name }) => (
      <span className="strong">
        <To to={modelPath(project, name)}>{name}</To>
      </span>
    ),
  },
  {
    title: 'In production',
    cell: ({ champion, project }) =>
      champion ? (
        <Ref id={champion.id} project={project}>
          v{champion.version}
        </Ref>
      ) : (
        none
      ),
  },
  {
    title: 'Metric',
    cell: ({ champion }) => scoreOf(champion?.evaluation),
    wide: true,
  },
  {
    title: 'Newest',
    cell: ({ latest, project }) =>
      latest ? (
        <Ref id={latest.id} project={project}>
          v{latest.version}
        </Ref>
      ) : (
        none
      ),
  },
  { title: 'Stage of the newest', cell: ({ latest }) => latest && <State state={latest.stage} /> },
  { title: 'Versions', cell: ({ versions }) => versions, align: 'right', wide: true },
  { title: 'Age', cell: ({ latest }) => latest && <Ago at={latest.createdAt} />, align: 'right' },
]
