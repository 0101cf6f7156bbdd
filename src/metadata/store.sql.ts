import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { inside, runRows, type AnyTx, type Db, type RowStatement } from '#storage'
import type { Edge, Node } from './node.ts'
import { isDigest } from './openlineage.ts'
import type { LedgerStore } from './store.ts'
import type { LedgerTables } from './tables.ts'
import { walk } from './walk.sql.ts'

/** Nodes and edges in SQL: but for a function's name one text for SQLite and PostgreSQL. */
export function sqlLedgerStore(db: Db): LedgerStore {
  const tables = db.withTables<LedgerTables>()
  return {
    async put(tx, { nodes, edges, firstEdges }) {
      const beside = endsBeside(nodes, [...edges, ...firstEdges])
      const rows = [...nodes.flatMap(nodeRow), ...beside.flatMap(bareRow)]
      const inserted = new Map((await runRows<Numbered>(tx, newNodes, rows)).map(({ id, number }) => [id, number]))
      // Of one id that is named twice the second is not new.
      const fresh = new Set(inserted.keys())
      const known = nodes.filter(({ id }) => !fresh.delete(id))
      await complete(tx, known)
      const numberOf = await numbered(tx, inserted, [...known.map(({ id }) => id), ...beside])
      await runRows(tx, newDigests, nodes.flatMap(digestRow(numberOf)))
      // Nobody else knows the number of a node that is new: it has no edges yet.
      const [own, others] = [
        edges.filter(edge => inserted.has(edge.from)),
        edges.filter(edge => !inserted.has(edge.from)),
      ]
      await runRows(tx, firstOfNode, distinct(own).flatMap(edgeRow(numberOf)))
      await runRows(tx, newEdges, others.flatMap(edgeRow(numberOf)))
      const firsts = new Map(firstEdges.toReversed().map(edge => [`${edge.from} ${edge.relation}`, edge]))
      await runRows(tx, newFirstEdges, [...firsts.values()].flatMap(edgeRow(numberOf)))
    },

    async findNode(id) {
      const row = await tables.selectFrom('node').selectAll().where('id', '=', id).executeTakeFirst()
      return row && row.kind !== '' ? fromNodeRow(row) : undefined
    },

    async projectsOf(digest) {
      const rows = await tables
        .selectFrom('node_digest')
        .innerJoin('node', 'node.number', 'node_digest.node')
        .select('node.project')
        .distinct()
        .where('node_digest.digest', '=', digest)
        .execute()
      return rows.map(({ project }) => project)
    },

    walk: (starts, nodesMax) => walk(db, starts, nodesMax),
  }
}

interface Numbered {
  readonly id: string
  readonly number: number
}

/** The numbers of nodes that were just inserted, and of these, which are there. */
async function numbered(
  tx: AnyTx,
  inserted: ReadonlyMap<string, number>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const others = new Set(ids.filter(id => !inserted.has(id)))
  if (others.size === 0) return inserted
  const rows = await runRows<Numbered>(tx, knownNodes, [...others])
  return new Map([...inserted, ...rows.map(({ id, number }) => [id, number] as const)])
}

const newNodes: RowStatement = {
  head: 'with given (id, kind, label, project, at, facts) as (',
  types: ['text', 'text', 'text', 'text', 'bigint', 'text'],
  tail: `) insert into node (id, kind, label, project, at, facts)
    select * from given where true on conflict (id) do nothing returning id, number`,
}
const knownNodes: RowStatement = {
  head: 'with given (id) as (',
  types: ['text'],
  tail: ') select node.id, number from given cross join node where node.id = given.id',
}
const newDigests: RowStatement = {
  head: 'insert into node_digest (digest, node)',
  types: ['text', 'bigint'],
  tail: 'on conflict do nothing',
}
const firstOfNode: RowStatement = {
  head: 'insert into edge (downstream, upstream, relation)',
  types: ['bigint', 'bigint', 'text'],
  tail: '',
}
const newEdges: RowStatement = {
  head: 'insert into edge (downstream, upstream, relation)',
  types: ['bigint', 'bigint', 'text'],
  tail: 'on conflict do nothing',
}
const newFirstEdges: RowStatement = {
  head: 'with given (d, u, r) as (',
  types: ['bigint', 'bigint', 'text'],
  tail: `) insert into edge (downstream, upstream, relation)
    select d, u, r from given
    where not exists (select 1 from edge where downstream = given.d and relation = given.r)
    on conflict do nothing`,
}

const nodeRow = ({ id, kind, label, project, at, facts }: Node) => [id, kind, label, project, at, JSON.stringify(facts)]
const bareRow = (id: string) => [id, '', '', '', 0, '{}']
const edgeRow =
  (numberOf: ReadonlyMap<string, number>) =>
  ({ from, to, relation }: Edge): (string | number)[] => [numberOf.get(from)!, numberOf.get(to)!, relation]
const digestRow =
  (numberOf: ReadonlyMap<string, number>) =>
  ({ id, facts: { digest } }: Node): (string | number)[] =>
    typeof digest === 'string' && isDigest(digest) ? [digest, numberOf.get(id)!] : []

const distinct = (edges: readonly Edge[]): readonly Edge[] => [
  ...new Map(edges.map(edge => [`${edge.from} ${edge.to} ${edge.relation}`, edge])).values(),
]

/** The ends of edges that are none of the nodes. */
function endsBeside(nodes: readonly Node[], edges: readonly Edge[]): readonly string[] {
  const ends = new Set(edges.flatMap(({ from, to }) => [from, to]))
  for (const { id } of nodes) ends.delete(id)
  return [...ends]
}

/** Writes the nodes of ids that are there: all of one that edges only name, else the facts that are new. */
async function complete(tx: AnyTx, nodes: readonly Node[]): Promise<void> {
  const own = inside<LedgerTables>(tx)
  for (const { facts, ...node } of nodes) {
    const row = own.selectFrom('node').select(['kind', 'facts']).where('id', '=', node.id)
    const known = await row.executeTakeFirstOrThrow()
    const merged = JSON.stringify({ ...JSON.parse(known.facts), ...facts })
    const change = known.kind === '' ? { ...node, facts: merged } : { facts: merged }
    if (known.kind !== '' && merged === known.facts) continue
    await own.updateTable('node').set(change).where('id', '=', node.id).execute()
  }
}

const fromNodeRow = ({ id, kind, label, project, at, facts }: Selectable<LedgerTables['node']>): Node => ({
  id,
  kind: kind as Node['kind'],
  label,
  project,
  at: at as Millis,
  facts: JSON.parse(facts),
})
