import { sql, type RawBuilder } from 'kysely'
import { type Db, engineOf } from '#storage'
import type { Edge, Node } from './node.ts'
import type { Direction, LedgerStore, Reached } from './store.ts'

type Starts = Parameters<LedgerStore['walk']>[0]

/**
 * {@link LedgerStore.walk}. What is found comes as columns, each one text of all its values: ten thousand nodes and their
 * edges as rows, or as JSON that is made in the database, take longer than the walk. Where a value has the character
 * that separates values, which shows in their number, it is asked for again with each value as JSON.
 */
export async function walk(db: Db, starts: Starts, nodesMax: number): ReturnType<LedgerStore['walk']> {
  const directions = (['upstream', 'downstream'] as const).filter(direction => starts[direction])
  const limits = { nodes: nodesMax + 1, edges: nodesMax * edgesPerNode + 1 }
  const ask = async (form: Form): Promise<Answer> => {
    const parts = directions.map(direction => walkSql(starts[direction]!, { direction, limits, form }))
    const { rows } = await sql<WalkRow>`with recursive
      ${sql.join(parts.map(part => part.with))} ${sql.join(
        parts.map(part => part.select),
        sql` union all `,
      )}`.execute(db)
    return { rows, form }
  }
  const plain = await ask(asItIs)
  const answer = plain.rows.every(isWhole) ? plain : await ask(asJson(db))
  return Object.fromEntries(directions.map(direction => [direction, reachedOf(answer, direction, limits)]))
}

/** How a value is written, and read. */
interface Form {
  write(column: RawBuilder<unknown>): RawBuilder<unknown>
  read(text: string): string
}

const asItIs: Form = { write: column => column, read: text => text }
const asJson = (db: Db): Form => {
  const quoted = engineOf(db) === 'sqlite' ? sql.raw('json_quote') : sql.raw('to_json')
  return { write: column => sql`cast(${quoted}(${column}) as text)`, read: text => JSON.parse(text) as string }
}

interface Answer {
  readonly rows: readonly WalkRow[]
  readonly form: Form
}

/** The nodes, or edges, of a direction: `reached` counts ids without a node too. */
interface WalkRow {
  readonly part: string
  readonly reached: number
  readonly count: number
  /** id, kind, label and project of nodes; downstream, upstream and relation of edges. */
  readonly a: string | null
  readonly b: string | null
  readonly c: string | null
  readonly d: string | null
  /** Items of JSON lists. */
  readonly at: string | null
  readonly facts: string | null
}

/** In a graph of things that were made an edge a node is usual; in a dense one the limit holds for both. */
const edgesPerNode = 8

interface WalkLimits {
  readonly nodes: number
  readonly edges: number
}

const separator = '\u001f'

const valuesOf = (text: string | null): readonly string[] => text?.split(separator) ?? []

const isWhole = ({ count, a, b, c, d }: WalkRow): boolean =>
  [a, b, c, d].every(text => text === null || valuesOf(text).length === count)

function reachedOf({ rows, form }: Answer, direction: Direction, limits: WalkLimits): Reached {
  const rowOf = (part: string): WalkRow => rows.find(row => row.part === `${direction} ${part}`)!
  const nodes = rowOf('nodes')
  const edges = rowOf('edges')
  return {
    nodes: nodesOf(nodes, form),
    edges: edgesOf(edges, form),
    isAll: nodes.reached < limits.nodes && edges.reached < limits.edges,
  }
}

function nodesOf(row: WalkRow, { read }: Form): readonly Node[] {
  const [kinds, labels, projects] = [valuesOf(row.b), valuesOf(row.c), valuesOf(row.d)]
  const [instants, facts] = [row.at, row.facts].map(items => JSON.parse(`[${items ?? ''}]`)) as [
    number[],
    Node['facts'][],
  ]
  return valuesOf(row.a).map((id, index) => ({
    id: read(id),
    kind: read(kinds[index]!) as Node['kind'],
    label: read(labels[index]!),
    project: read(projects[index]!),
    at: instants[index] as Node['at'],
    facts: facts[index]!,
  }))
}

function edgesOf(row: WalkRow, { read }: Form): readonly Edge[] {
  const [to, relations] = [valuesOf(row.b), valuesOf(row.c)]
  return valuesOf(row.a).map((from, index) => ({
    from: read(from),
    to: read(to[index]!),
    relation: read(relations[index]!),
  }))
}

/**
 * A walk is a recursive query over ids: each is expanded once, so that cycles end and diamonds cost nothing. Both
 * engines work it off first in, first out [SQLite, lang_with; PostgreSQL, 7.8.2], and stop when the limit has what it
 * asked for, for which SQLite must be told `not materialized` (PostgreSQL passes over it). What is begun is read to its
 * end on SQLite: a hub costs half a microsecond for each of its neighbours. `cross join` keeps SQLite to the written order.
 */
function walkSql(
  starts: readonly string[],
  { direction, limits, form }: { direction: Direction; limits: WalkLimits; form: Form },
): { with: RawBuilder<unknown>; select: RawBuilder<unknown> } {
  const [near, far] = direction === 'upstream' ? ['downstream', 'upstream'] : ['upstream', 'downstream']
  const [walk, reached] = [sql.ref(`${direction}_walk`), sql.ref(`${direction}_reached`)]
  const edge = (column: string): RawBuilder<unknown> => sql.ref(`edge.${column}`)
  const all = (column: string): RawBuilder<unknown> =>
    sql`string_agg(${form.write(sql.ref(column))}, ${sql.lit(separator)})`
  const isCut = sql`(select count(*) from ${reached}) >= ${sql.lit(limits.nodes)}`
  const edges = sql`select downstream, upstream, relation from ${reached} cross join edge`
  return {
    with: sql`${walk}(id) as not materialized (
        select * from (values ${sql.join(starts.map(id => sql`(cast(${id} as text))`))}) as start
        union select ${edge(far)} from ${walk} cross join edge where ${edge(near)} = ${walk}.id),
      ${reached} as materialized (select id from ${walk} limit ${sql.lit(limits.nodes)})`,
    // Of all that was reached the edges are those that the walk took. Of a part they are read from the side where they are
    // few, for a thing is made from some others, and a thousand may be made from it; `|| ''` keeps SQLite from trying each
    // reached id with each other one.
    select: sql`select cast(${sql.lit(`${direction} nodes`)} as text) as part, count(*) as reached,
        count(node.id) as count, ${all('node.id')} as a, ${all('kind')} as b, ${all('label')} as c,
        ${all('project')} as d, string_agg(cast(at as text), ',') as at, string_agg(facts, ',') as facts
        from ${reached} left join node on node.id = ${reached}.id
      union all select cast(${sql.lit(`${direction} edges`)} as text), count(*), count(*),
        ${all('downstream')}, ${all('upstream')}, ${all('relation')}, null, null, null
        from (
          select * from (
            ${edges} where not ${isCut} and ${edge(near)} = ${reached}.id
            union all
            ${edges} where ${isCut} and edge.downstream = ${reached}.id
              and edge.upstream || '' in (select id from ${reached})) as passed
          limit ${sql.lit(limits.edges)}) as ${sql.ref(`${direction}_edge`)}`,
  }
}
