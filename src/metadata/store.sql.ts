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
    async putNodes(tx, nodes) {
      const rows = nodes.flatMap(({ id, kind, label, project, at, facts }) => [
        id,
        kind,
        label,
        project,
        at,
        JSON.stringify(facts),
      ])
      const inserted = new Set((await runRows<{ id: string }>(tx, newNodes, rows)).map(({ id }) => id))
      await runRows(tx, newDigests, nodes.flatMap(digestRow))
      for (const node of nodes) if (!inserted.delete(node.id)) await mergeFacts(tx, node)
    },

    async putEdges(tx, edges) {
      await runRows(tx, newEdges, edges.flatMap(edgeRow))
    },

    async putFirstEdges(tx, edges) {
      const firsts = new Map(edges.toReversed().map(edge => [`${edge.from} ${edge.relation}`, edge]))
      await runRows(tx, firstEdges, [...firsts.values()].flatMap(edgeRow))
    },

    async findNode(id) {
      const row = await tables.selectFrom('node').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromNodeRow(row)
    },

    async projectsOf(digest) {
      const rows = await tables
        .selectFrom('node_digest')
        .innerJoin('node', 'node.id', 'node_digest.node')
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
  head: 'insert into node (id, kind, label, project, at, facts)',
  types: ['text', 'text', 'text', 'text', 'bigint', 'text'],
  tail: 'on conflict (id) do nothing returning id',
}
const newDigests: RowStatement = {
  head: 'insert into node_digest (digest, node)',
  types: ['text', 'text'],
  tail: 'on conflict do nothing',
}
const edgeColumns = ['text', 'text', 'text'] as const
const newEdges: RowStatement = {
  head: 'insert into edge (downstream, upstream, relation)',
  types: edgeColumns,
  tail: 'on conflict do nothing',
}
const firstEdges: RowStatement = {
  head: 'with given (downstream, upstream, relation) as (',
  types: edgeColumns,
  tail: `) insert into edge (downstream, upstream, relation)
    select downstream, upstream, relation from given where not exists (
      select 1 from edge where edge.downstream = given.downstream and edge.relation = given.relation)
    on conflict do nothing`,
}

const edgeRow = ({ from, to, relation }: Edge): string[] => [from, to, relation]

const digestRow = ({ id, facts: { digest } }: Node): string[] =>
  typeof digest === 'string' && isDigest(digest) ? [digest, id] : []

/** Adds facts to a node that is there. */
async function mergeFacts(tx: AnyTx, { id, facts }: Node): Promise<void> {
  if (Object.keys(facts).length === 0) return
  const own = inside<LedgerTables>(tx)
  const known = await own.selectFrom('node').select('facts').where('id', '=', id).executeTakeFirstOrThrow()
  const merged = JSON.stringify({ ...JSON.parse(known.facts), ...facts })
  if (merged !== known.facts) await own.updateTable('node').set({ facts: merged }).where('id', '=', id).execute()
}

const fromNodeRow = ({ id, kind, label, project, at, facts }: Selectable<LedgerTables['node']>): Node => ({
  id,
  kind: kind as Node['kind'],
  label,
  project,
  at: at as Millis,
  facts: JSON.parse(facts),
})
