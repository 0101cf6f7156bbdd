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
      const rows = [...nodes.flatMap(nodeRow), ...endsBeside(nodes, [...edges, ...firstEdges]).flatMap(bareRow)]
      const inserted = new Set((await runRows<{ id: string }>(tx, newNodes, rows)).map(({ id }) => id))
      await complete(
        tx,
        nodes.filter(({ id }) => !inserted.delete(id)),
      )
      await runRows(tx, newDigests, nodes.flatMap(digestRow))
      await runRows(tx, newEdges, edges.flatMap(edgeRow))
      const firsts = new Map(firstEdges.toReversed().map(edge => [`${edge.from} ${edge.relation}`, edge]))
      await runRows(tx, newFirstEdges, [...firsts.values()].flatMap(edgeRow))
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

const newNodes: RowStatement = {
  head: 'with given (id, kind, label, project, at, facts) as (',
  types: ['text', 'text', 'text', 'text', 'bigint', 'text'],
  tail: `) insert into node (id, kind, label, project, at, facts)
    select * from given where not exists (select 1 from node where node.id = given.id)
    on conflict (id) do nothing returning id`,
}
const newDigests: RowStatement = {
  head: 'with given (digest, id) as (',
  types: ['text', 'text'],
  tail: `) insert into node_digest (digest, node)
    select digest, number from given cross join node where node.id = given.id on conflict do nothing`,
}
const edgeInsert = (condition: string): RowStatement => ({
  head: 'with given (downstream, upstream, relation) as (',
  types: ['text', 'text', 'text'],
  tail: `) insert into edge (downstream, upstream, relation)
    select d.number, u.number, given.relation from given cross join node as d cross join node as u
    where d.id = given.downstream and u.id = given.upstream ${condition} on conflict do nothing`,
})
const newEdges = edgeInsert('')
const newFirstEdges = edgeInsert(
  'and not exists (select 1 from edge where edge.downstream = d.number and edge.relation = given.relation)',
)

const nodeRow = ({ id, kind, label, project, at, facts }: Node) => [id, kind, label, project, at, JSON.stringify(facts)]
const bareRow = (id: string) => [id, '', '', '', 0, '{}']
const edgeRow = ({ from, to, relation }: Edge) => [from, to, relation]
const digestRow = ({ id, facts: { digest } }: Node) =>
  typeof digest === 'string' && isDigest(digest) ? [digest, id] : []

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
