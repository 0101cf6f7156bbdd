import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { engineOf, inside, type Db } from '#storage'
import type { Edge, Node } from './node.ts'
import { isDigest } from './openlineage.ts'
import type { Direction, LedgerStore, Reached } from './store.ts'
import type { LedgerTables } from './tables.ts'

/** Nodes and edges in SQL: but for a function's name one text for SQLite and PostgreSQL. */
export function sqlLedgerStore(db: Db): LedgerStore {
  const tables = db.withTables<LedgerTables>()
  const jsonText = engineOf(db) === 'sqlite' ? sql.raw('json_quote') : sql.raw('to_json')
  return {
    async putNode(tx, { facts, ...node }) {
      const own = inside<LedgerTables>(tx)
      const inserted = await own
        .insertInto('node')
        .values({ ...node, facts: JSON.stringify(facts) })
        .onConflict(c => c.column('id').doNothing())
        .returning('id')
        .executeTakeFirst()
      const { digest } = facts
      if (typeof digest === 'string' && isDigest(digest))
        await own
          .insertInto('node_digest')
          .values({ digest, node: node.id })
          .onConflict(c => c.doNothing())
          .execute()
      if (inserted || Object.keys(facts).length === 0) return
      const known = await own.selectFrom('node').select('facts').where('id', '=', node.id).executeTakeFirstOrThrow()
      const merged = JSON.stringify({ ...JSON.parse(known.facts), ...facts })
      if (merged !== known.facts)
        await own.updateTable('node').set({ facts: merged }).where('id', '=', node.id).execute()
    },

    async putEdge(tx, { from, to, relation }) {
      await inside<LedgerTables>(tx)
        .insertInto('edge')
        .values({ downstream: from, upstream: to, relation })
        .onConflict(c => c.doNothing())
        .execute()
    },

    async putFirstEdge(tx, { from, to, relation }) {
      const own = inside<LedgerTables>(tx)
      const known = await own
        .selectFrom('edge')
        .select('upstream')
        .where('downstream', '=', from)
        .where('relation', '=', relation)
        .limit(1)
        .executeTakeFirst()
      if (!known) await own.insertInto('edge').values({ downstream: from, upstream: to, relation }).execute()
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
