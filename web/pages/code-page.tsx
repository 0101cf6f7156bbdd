import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { buildsOf, commitsOf, projectOf, repositoryOf } from '../api.ts'
import { shortId } from '../format.ts'
import { Ref } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Facts } from '../ui/card.tsx'
import { Command } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { Build, Commit } from '../wire.ts'

/** Which code is there, and did its builds pass? */
export function CodePage() {
  const { project } = useParams({ from: '/p/$project/code' })
  return (
    <Page title="Code" above={[[project, `/p/${project}`]]}>
      <Panel title="Repository">
        <Repository project={project} />
      </Panel>
      <div className="split">
        <Panel title="Commits" note="on main" flush>
          <Commits project={project} />
        </Panel>
        <Panel title="Builds" note="each push is built, tested and delivered" flush>
          <Builds project={project} />
        </Panel>
      </div>
    </Page>
  )
}

function Repository({ project }: { project: string }) {
  const { data: repository } = useSuspenseQuery(repositoryOf(project))
  const { data: revision } = useSuspenseQuery(projectOf(project))
  return (
    <div className="stack">
      <Command text={`git clone ${repository.url}`} />
      <Facts
        facts={{
          'Head of main': repository.head ? <code>{repository.head.slice(0, 10)}</code> : 'empty',
          'In force': (
            <>
              revision #{revision.number}
              {revision.commit && (
                <>
                  {' '}
                  from <code>{revision.commit.slice(0, 8)}</code>
                </>
              )}
            </>
          ),
          Tests: revision.spec.tests ? <code>{revision.spec.tests}</code> : 'none declared',
        }}
      />
    </div>
  )
}

function Commits({ project }: { project: string }) {
  const { data } = useSuspenseQuery(commitsOf(project))
  const empty = (
    <Empty title="Nothing has been pushed yet" commands={['git push origin main']}>
      A push to main is built, tested and delivered as a new revision of the project.
    </Empty>
  )
  return (
    <Table
      label="Commits, newest first"
      rows={data.items}
      columns={commitColumns}
      keyOf={({ commit }) => commit}
      empty={empty}
    />
  )
}

const commitColumns: readonly Column<Commit>[] = [
  { title: 'Commit', cell: ({ commit }) => <code>{commit.slice(0, 8)}</code> },
  { title: 'Subject', cell: ({ subject }) => <span className="strong">{subject}</span> },
  { title: 'Author', cell: ({ author }) => author, wide: true },
  { title: 'When', cell: ({ at }) => <Ago at={at} />, align: 'right' },
]

function Builds({ project }: { project: string }) {
  const { data } = useSuspenseQuery(buildsOf(project))
  return (
    <Table
      label="Builds, newest first"
      rows={data.items}
      columns={buildColumns}
      keyOf={({ run }) => run}
      empty={<Empty title="No build yet">The first push to main makes one.</Empty>}
    />
  )
}

const buildColumns: readonly Column<Build>[] = [
  {
    title: 'Build',
    cell: ({ state, run, project }) => (
      <Ref id={run} project={project}>
        <State state={state} />
      </Ref>
    ),
  },
  { title: 'Commit', cell: ({ commit }) => <code>{commit.slice(0, 8)}</code> },
  {
    title: 'Bundle',
    cell: ({ bundle }) => (bundle ? <code title={bundle}>{shortId(bundle)}</code> : <span className="muted">–</span>),
    wide: true,
  },
  { title: 'When', cell: ({ at }) => <Ago at={at} />, align: 'right' },
]
