import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { engineOf, inside, runRows, type AnyTx, type Db, type RowStatement } from '#storage'
import type { Edge, Node } from './node.ts'
import { isDigest } from './openlineage.ts'
import type { Direction, LedgerStore, Reached } from './store.ts'
import type { LedgerTables } from './tables.ts'

/** Nodes and edges in SQL: but for a function's name one text for SQLite and PostgreSQL. */
export function sqlLedgerStore(db: Db): LedgerStore {
  const tables = db.withTables<LedgerTables>()
  const jsonText = engineOf(db) === 'sqlite' ? sql.raw('json_quote') : sql.raw('to_json')
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

    async walk(starts, nodesMax) {
      const directions = (['upstream', 'downstream'] as const).filter(direction => starts[direction])
      const limits = { nodes: nodesMax + 1, edges: nodesMax * edgesPerNode + 1 }
      const parts = directions.map(direction => walkSql(starts[direction]!, { direction, limits, jsonText }))
      const { rows } = await sql<WalkRow>`with recursive
        ${sql.join(parts.map(part => part.with))} ${sql.join(
          parts.map(part => part.select),
          sql` union all `,
        )}`.execute(tables)
      return Object.fromEntries(directions.map(direction => [direction, reachedOf(rows, direction, limits)]))
    },
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

function reachedOf(rows: readonly WalkRow[], direction: Direction, limits: WalkLimits): Reached {
  const listOf = <Item>(part: string): { items: readonly Item[]; count: number } => {
    const { items, count } = rows.find(row => row.part === `${direction} ${part}`)!
    return { items: JSON.parse(`[${items ?? ''}]`), count }
  }
  const nodes = listOf<Node>('nodes')
  const edges = listOf<Edge>('edges')
  return {
    nodes: nodes.items,
    edges: edges.items,
    isAll: nodes.count < limits.nodes && edges.count < limits.edges,
  }
}

interface WalkLimits {
  readonly nodes: number
  readonly edges: number
}

type NodeRow = Selectable<LedgerTables['node']>
/** The nodes, or edges, of a direction: how many, and as JSON. Ids that nobody wrote a node for are only counted. */
interface WalkRow {
  readonly part: string
  readonly count: number
  readonly items: string | null
}

/** In a graph of things that were made an edge a node is usual; in a dense one the limit holds for both. */
const edgesPerNode = 8

/**
 * A walk is a recursive query over ids: each is expanded once, so that cycles end and diamonds cost nothing. Both
 * engines work it off first in, first out [SQLite, lang_with; PostgreSQL, 7.8.2], and stop when the limit has what it
 * asked for, for which SQLite must be told `not materialized` (PostgreSQL passes over it). What is begun is read to its
 * end on SQLite: a hub costs half a microsecond for each of its neighbours. `cross join` keeps SQLite to the written order.
 * What is found is put together as JSON inside the database: ten thousand nodes with their edges as rows cost twice the walk.
 */
function walkSql(
  starts: readonly string[],
  { direction, limits, jsonText }: { direction: Direction; limits: WalkLimits; jsonText: RawBuilder<unknown> },
): { with: RawBuilder<unknown>; select: RawBuilder<unknown> } {
  const [near, far] = direction === 'upstream' ? ['downstream', 'upstream'] : ['upstream', 'downstream']
  const [walk, reached] = [sql.ref(`${direction}_walk`), sql.ref(`${direction}_reached`)]
  const edge = (column: string): RawBuilder<unknown> => sql.ref(`edge.${column}`)
  const json = (column: string): RawBuilder<unknown> => sql`${jsonText}(${sql.ref(column)})`
  // Read from the side where edges are few: a thing is made from some others, and a thousand may be made from it.
  // `|| ''` keeps SQLite from trying each reached id with each other one.
  const isWithin = direction === 'upstream' ? sql`` : sql`and edge.upstream || '' in (select id from ${reached})`
  return {
    with: sql`${walk}(id) as not materialized (
        select * from (values ${sql.join(starts.map(id => sql`(cast(${id} as text))`))}) as start
        union select ${edge(far!)} from ${walk} cross join edge where ${edge(near!)} = ${walk}.id),
      ${reached} as materialized (select id from ${walk} limit ${sql.lit(limits.nodes)})`,
    select: sql`select cast(${sql.lit(`${direction} nodes`)} as text) as part, count(*) as count,
        string_agg('{"id":' || ${json('node.id')} || ',"kind":' || ${json('kind')} || ',"label":' || ${json('label')}
          || ',"project":' || ${json('project')} || ',"at":' || at || ',"facts":' || facts || '}', ',') as items
        from ${reached} left join node on node.id = ${reached}.id
      union all select cast(${sql.lit(`${direction} edges`)} as text), count(*),
        string_agg('{"from":' || ${json('downstream')} || ',"to":' || ${json('upstream')}
          || ',"relation":' || ${json('relation')} || '}', ',')
        from (select downstream, upstream, relation from ${reached} cross join edge
          where edge.downstream = ${reached}.id ${isWithin} limit ${sql.lit(limits.edges)}) as ${sql.ref(`${direction}_edge`)}`,
  }
}

const fromNodeRow = ({ id, kind, label, project, at, facts }: NodeRow): Node => ({
  id,
  kind: kind as Node['kind'],
  label,
  project,
  at: at as Millis,
  facts: JSON.parse(facts),
})
