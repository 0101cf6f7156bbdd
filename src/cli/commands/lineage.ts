import { verb } from '../command.ts'

interface Lineage {
  root: string
  nodes: { id: string; kind: string; label: string; facts?: { purged?: number } }[]
  edges: { from: string; to: string; relation: string }[]
  truncated?: boolean
}

export const lineageVerb = verb(
  'lineage <id>',
  'Walk from anything (a prediction, a version, a run) back to what it was made from.',
  command => command.option('--down', 'walk to what was made from it instead'),
  async ({ client, output }, { down }, [id]) => {
    const lineage = await client.get<Lineage>(
      `/api/v1/lineage/${encodeURIComponent(id!)}?direction=${down ? 'down' : 'up'}`,
    )
    output.result(lineage, () => [
      ...treeLines(lineage, down === true),
      ...(lineage.truncated ? ['… there is more: only the nearest are shown.'] : []),
    ])
  },
)

/** What a relation is called by the one that it leads to; a relation that is not here is told from the other side. */
const reversed: Readonly<Record<string, string>> = {
  after: 'before',
  answered_by: 'answered',
  caused_by: 'caused',
  committed_as: 'commit of',
  compared_with: 'compared by',
  contains: 'part of',
  declared_by: 'declares',
  evaluated_by: 'evaluated',
  follows: 'followed by',
  follows_from: 'led to',
  known: 'known by',
  let_through_by: 'let through',
  made_by: 'made',
  made_from: 'became',
  observed: 'observed by',
  part_of: 'contains',
  predicted_by: 'predicted',
  promoted: 'promoted by',
  read: 'read by',
  read_from: 'read as',
  runs: 'run by',
  seen_in: 'showed',
  serves: 'served by',
  started_by: 'started',
  tracked_by: 'tracks',
  trained_on: 'trained',
  version_of: 'has version',
}

/** The graph as an indented tree, each line said of the one above it; a node that was shown before is only named. */
export function treeLines({ root, nodes, edges }: Lineage, down: boolean): readonly string[] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const leading = Map.groupBy(edges, edge => (down ? edge.to : edge.from))
  const seen = new Set<string>()
  const lines: string[] = []
  const visit = (id: string, depth: number, relation: string): void => {
    const node = byId.get(id)
    if (!node) return
    const repeated = seen.has(id)
    const purged = node.facts?.purged
    const gone = purged === undefined ? '' : `, gone since ${new Date(purged).toISOString()}`
    lines.push(
      `${'  '.repeat(depth)}${relation ? `${relation}: ` : ''}${node.kind} ${node.label} (${id})${gone}${repeated ? ' ↑' : ''}`,
    )
    if (repeated) return
    seen.add(id)
    for (const edge of leading.get(id) ?? [])
      visit(down ? edge.from : edge.to, depth + 1, (down ? wordsDown : words)(edge.relation))
  }
  visit(root, 0, '')
  return lines
}

const words = (relation: string): string => relation.replaceAll('_', ' ')
const wordsDown = (relation: string): string => reversed[relation] ?? `(${words(relation)} it)`
