import { sql, type RawBuilder } from 'kysely'
import { type Db, engineOf, type Engine } from '#storage'
import type { Edge, Node } from './node.ts'
import type { Direction, LedgerStore, Reached } from './store.ts'

type Starts = Parameters<LedgerStore['walk']>[0]

/**
 * {@link LedgerStore.walk}. What is found comes as columns, each one text of all its values, and edges as the numbers of
 * their ends: ten thousand nodes and their edges as rows, or as JSON that is made in the database, take longer than the
 * walk. Where a value has the character that separates values, which shows in their number, it is asked for again with
 * each value as JSON.
 */
export async function walk(db: Db, starts: Starts, nodesMax: number): ReturnType<LedgerStore['walk']> {
  const directions = (['upstream', 'downstream'] as const).filter(direction => starts[direction])
  const limits = { nodes: nodesMax + 1, edges: nodesMax * edgesPerNode + 1 }
  const ask = async (form: Form): Promise<readonly Part[]> => {
    const parts = directions.map(direction =>
      walkSql(starts[direction]!, { direction, limits, form, engine: engineOf(db) }),
    )
    const { rows } = await sql<WalkRow>`with recursive
      ${sql.join(parts.map(part => part.with))} ${sql.join(
        parts.map(part => part.select),
        sql` union all `,
      )}`.execute(db)
    return rows.map(row => partOf(row, form))
  }
  const plain = await ask(asItIs)
  const parts = plain.every(isWhole) ? plain : await ask(asJson[engineOf(db)])
  return Object.fromEntries(directions.map(direction => [direction, reachedOf(parts, direction, limits)]))
}

/** How texts are written, and read. */
interface Form {
  write(column: RawBuilder<unknown>): RawBuilder<unknown>
  read(texts: readonly string[]): readonly string[]
}

const asItIs: Form = { write: column => column, read: texts => texts }
const jsonOf = (quoted: string): Form => ({
  write: column => sql`cast(${sql.raw(quoted)}(${column}) as text)`,
  read: texts => texts.map(text => JSON.parse(text) as string),
})
const asJson: Readonly<Record<Engine, Form>> = { sqlite: jsonOf('json_quote'), postgres: jsonOf('to_json') }

/** The nodes, or edges, of a direction; a column is null where there is none. */
interface WalkRow {
  readonly part: string
  readonly count: number
  /** Texts: id, kind, label and project of nodes; relation of edges. */
  readonly a: string | null
  readonly b: string | null
  readonly c: string | null
  readonly d: string | null
  /** Items of JSON lists: number, time and facts of nodes, and their numbers nearest first; both ends of edges. */
  readonly e: string | null
  readonly f: string | null
  readonly g: string | null
  readonly h: string | null
}

/** The same, each column as its values. */
interface Part {
  readonly name: string
  readonly count: number
  readonly texts: readonly (readonly string[])[]
  readonly items: readonly (readonly unknown[])[]
}

const partOf = ({ part, count, a, b, c, d, e, f, g, h }: WalkRow, form: Form): Part => ({
  name: part,
  count,
  texts: [a, b, c, d].map(text => (text === null ? [] : form.read(text.split(separator)))),
  items: [e, f, g, h].map(items => JSON.parse(`[${items ?? ''}]`) as unknown[]),
})

const separator = '\u001f'

const isWhole = ({ count, texts }: Part): boolean => texts.every(({ length }) => length === 0 || length === count)

/** In a graph of things that were made an edge a node is usual; in a dense one the limit holds for both. */
const edgesPerNode = 8

interface WalkLimits {
  readonly nodes: number
  readonly edges: number
}

function reachedOf(parts: readonly Part[], direction: Direction, limits: WalkLimits): Reached {
  const partNamed = (name: string): Part => parts.find(part => part.name === `${direction} ${name}`)!
  const [nodes, edges] = [partNamed('nodes'), partNamed('edges')]
  const places = placesOf(nodes)
  return {
    nodes: nodesOf(nodes, places),
    edges: edgesOf(edges, number => nodes.texts[0]![places.get(number)!]!),
    isAll: nodes.count < limits.nodes && edges.count < limits.edges,
  }
}

/** Where in its columns each node is, by its number. */
type Places = ReadonlyMap<unknown, number>

function placesOf({ items: [numbers] }: Part): Places {
  const places = new Map<unknown, number>()
  for (const [place, number] of numbers!.entries()) places.set(number, place)
  return places
}

function nodesOf({ texts, items }: Part, places: Places): readonly Node[] {
  const [ids, kinds, labels, projects] = texts as [string[], (Node['kind'] | '')[], string[], string[]]
  const [, instants, facts, nearestFirst] = items as [unknown, Node['at'][], Node['facts'][], number[]]
  const nodes: Node[] = []
  for (const number of nearestFirst) {
    const place = places.get(number)!
    const kind = kinds[place]!
    if (kind === '') continue
    const [id, label, project] = [ids[place]!, labels[place]!, projects[place]!]
    nodes.push({ id, kind, label, project, at: instants[place]!, facts: facts[place]! })
  }
  return nodes
}

const edgesOf = ({ texts: [relations], items: [from, to] }: Part, idOf: (number: unknown) => string): readonly Edge[] =>
  relations!.map((relation, index) => ({ from: idOf(from![index]), to: idOf(to![index]), relation }))

/** One of many numbers: each is looked up by itself, in their order, which on PostgreSQL costs half of what a join does. */
const among: Readonly<Record<Engine, (numbers: RawBuilder<unknown>) => RawBuilder<unknown>>> = {
  sqlite: numbers => sql`in (${numbers})`,
  postgres: numbers => sql`= any(array(${numbers}))`,
}

/**
 * A walk is a recursive query over numbers: each is expanded once, so that cycles end and diamonds cost nothing. Both
 * engines work it off first in, first out [SQLite, lang_with; PostgreSQL, 7.8.2], and stop when the limit has what it
 * asked for, for which SQLite must be told `not materialized` (PostgreSQL passes over it). What is begun is read to its
 * end on SQLite: a hub costs half a microsecond for each of its neighbours. `cross join` keeps SQLite to the written order.
 */
function walkSql(
  starts: readonly string[],
  { direction, limits, form, engine }: { direction: Direction; limits: WalkLimits; form: Form; engine: Engine },
): { with: RawBuilder<unknown>; select: RawBuilder<unknown> } {
  const [near, far] = direction === 'upstream' ? ['downstream', 'upstream'] : ['upstream', 'downstream']
  const [walk, reached] = [sql.ref(`${direction}_walk`), sql.ref(`${direction}_reached`)]
  const edge = (column: string): RawBuilder<unknown> => sql.ref(`edge.${column}`)
  const texts = (column: string): RawBuilder<unknown> =>
    sql`string_agg(${form.write(sql.ref(column))}, ${sql.lit(separator)})`
  const items = (column: string): RawBuilder<unknown> => sql`string_agg(cast(${sql.ref(column)} as text), ',')`
  const numbers = sql`select number from ${reached}`
  const isReached = among[engine](numbers)
  const isCut = sql`(select count(*) from ${reached}) >= ${sql.lit(limits.nodes)}`
  return {
    with: sql`${walk}(number) as not materialized (
        select number from node where id in (${sql.join(starts)})
        union select ${edge(far)} from ${walk} cross join edge where ${edge(near)} = ${walk}.number),
      ${reached} as materialized (select number from ${walk} limit ${sql.lit(limits.nodes)})`,
    // Of all that was reached the edges are those that the walk took. Of a part they are read from the side where they are
    // few, for a thing is made from some others, and a thousand may be made from it; `is true` keeps both engines from
    // trying each reached number with each other one.
    select: sql`select cast(${sql.lit(`${direction} nodes`)} as text) as part, count(*) as count,
        ${texts('id')} as a, ${texts('kind')} as b, ${texts('label')} as c, ${texts('project')} as d,
        ${items('number')} as e, ${items('at')} as f, ${items('facts')} as g,
        (select ${items('number')} from ${reached}) as h
        from node where number ${isReached}
      union all select cast(${sql.lit(`${direction} edges`)} as text), count(*),
        ${texts('relation')}, null, null, null, ${items('downstream')}, ${items('upstream')}, null, null
        from (
          select * from (
            select * from edge where not ${isCut} and ${edge(near)} ${isReached}
            union all
            select * from edge where ${isCut} and downstream ${isReached} and (upstream in (${numbers})) is true) as passed
          limit ${sql.lit(limits.edges)}) as ${sql.ref(`${direction}_edge`)}`,
  }
}
