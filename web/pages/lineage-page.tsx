import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lineageOf } from '../api.ts'
import { capital, eventTimeOf, idInText, inline, instant } from '../format.ts'
import { aboveProject, pathOf } from '../paths.ts'
import { Ref, To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Card, Facts, Tabs } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { Tag, words } from '../ui/state.tsx'
import type { LineageNode } from '../wire.ts'
import { LineageGraph } from './lineage-graph.tsx'

const directions = { up: 'What it was made from', down: 'What was made from it', both: 'Both' } as const
type Direction = keyof typeof directions

/** What the ledger says of a thing: ids lead on, digests are cut, instants are dates. */
const factsOf = (
  { facts, project }: LineageNode,
  wanted: (value: unknown) => boolean,
): Record<string, React.ReactNode> =>
  Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => wanted(value))
      .map(([name, value]) => [factName(name), <Fact key={name} name={name} value={value} project={project} />]),
  )

const factName = (name: string): string =>
  name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)

const digest = /^[0-9a-f]{40,64}$/

function Fact({ name, value, project }: { name: string; value: unknown; project: string }) {
  if (typeof value === 'string' && digest.test(value)) return <Id id={value} />
  if (typeof value === 'string' && idInText.test(value) && !value.includes(' '))
    return <Ref id={value} project={project} />
  if (typeof value === 'number' && /(time|at)$/i.test(name) && value > yearMs) return eventTimeOf(value)
  return <span className="small">{inline(value)}</span>
}

/** A number of milliseconds that cannot be a count of anything here. */
const yearMs = 365 * 86_400_000

/** Where did this come from, and what is affected if it changes? */
export function LineagePage() {
  const { id } = useParams({ from: '/lineage/$id' })
  const { direction: asked } = useSearch({ from: '/lineage/$id' })
  const navigate = useNavigate({ from: '/lineage/$id' })
  const direction: Direction = asked === 'down' || asked === 'both' ? asked : 'up'
  const { data } = useSuspenseQuery(lineageOf(id, direction))
  const root = data.nodes.find(node => node.id === id)
  return (
    <Page
      title={root?.label ?? id}
      badge={root && <Tag>{words(root.kind)}</Tag>}
      above={root?.project ? aboveProject(root.project) : []}
    >
      {root && (
        <Card>
          <Facts
            facts={{
              Id: <Id id={id} />,
              When: instant(root.at),
              ...(pathOf(id, root.project).startsWith('/lineage')
                ? {}
                : { Page: <To to={pathOf(id, root.project)}>open</To> }),
              ...factsOf(root, value => typeof value !== 'object'),
            }}
          />
          {Object.entries(root.facts)
            .filter(([, value]) => typeof value === 'object' && value !== null)
            .map(([name, value]) => (
              <section key={name} className="stack-tight fact-group" aria-label={name}>
                <h3>{capital(name)}</h3>
                <Facts facts={factsOf({ ...root, facts: value as LineageNode['facts'] }, () => true)} />
              </section>
            ))}
        </Card>
      )}
      <Tabs
        label="Direction"
        tabs={directions}
        value={direction}
        onChange={next => void navigate({ search: { direction: next }, replace: true })}
      />
      <Panel title="Lineage" flush lines={10}>
        <LineageGraph id={id} direction={direction} height={560} />
      </Panel>
    </Page>
  )
}
