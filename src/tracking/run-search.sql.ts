import { sql, type Expression, type RawBuilder, type Selectable, type SqlBool } from 'kysely'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'
import { afterSql, cursorsOf, orderSql, type Cursors, type CursorValue, type Filter } from '#search'
import { type Db, engineOf } from '#storage'
import { numberOf } from './experiment-store.sql.ts'
import type { Keys } from './key-store.sql.ts'
import { sqlRunDocuments } from './run-document.sql.ts'
import { keyNumbers, type KeyNumbers } from './run-field.sql.ts'
import { allOf, conjuncts, rowFilter, runCondition, runsBehind } from './run-filter.sql.ts'
import { phasesOf, runOrder, type Phase, type RunOrder } from './run-order.sql.ts'
import { sqlRunTable } from './run-table.sql.ts'
import type { RunQuery, RunSearch, View } from './store.ts'
import type { TrackingTables } from './tables.ts'

const cursorsOfRuns = ({ filter, order, view }: RunQuery): Cursors => cursorsOf({ filter, order, view })

type Row = Selectable<TrackingTables['tracking_run']> & Record<string, CursorValue>

interface Sought {
  readonly experiments: readonly number[]
  readonly lifecycles: readonly string[]
  readonly where: Expression<SqlBool>
  /** The same for rows of the table in whose order runs are walked: what is said about that field is asked of the row. */
  readonly rowWhere: Expression<SqlBool>
  readonly order: RunOrder
  readonly numbers: KeyNumbers
  /** The values of the order's terms in the last row of the page before. */
  readonly after: readonly CursorValue[] | undefined
  /** One more than the page has room for. */
  readonly most: number
  /** How far the index of the order is walked; to its end when absent. */
  readonly steps?: number
}

/**
 * So many runs are looked at and sorted for each condition. Fewer where each of them is looked up to be counted: beyond
 * that the walk is as quick, of which one in two hundred runs fulfils the condition among a million.
 */
const candidatesMaxOf = {
  sqlite: { inIndex: 20_000, lookedUp: 5_000 },
  postgres: { inIndex: 7_000, lookedUp: 3_500 },
} as const
/**
 * So many rows of the index of the order are looked at before anything is counted: some milliseconds on SQLite. On
 * PostgreSQL they cost rare filters more than they spare others, and counting is done first.
 */
const glanceStepsOf = { sqlite: 2_500, postgres: 0 } as const
/** Each is a part of one statement. */
const walkedExperimentsMax = 20

/**
 * Searches runs. Where the first rows of the order's index have the page, that is it. Else, when an index says that few runs
 * fulfil a condition, these are sorted, or the index of the order is walked further, and conditions are asked of each run
 * on the way. Each takes some milliseconds among a million runs. With `most`, for tests, so many are few, and three rows
 * the first.
 */
export function sqlRunSearch(db: Db, keys: Keys, most?: number): RunSearch {
  const engine = engineOf(db)
  const candidatesMax = most === undefined ? candidatesMaxOf[engine] : { inIndex: most, lookedUp: most }
  const steps = most === undefined ? glanceStepsOf[engine] : 3
  const documents = sqlRunDocuments(db)
  const tableOf = sqlRunTable(db, keys)

  /** How many there are, up to one more than the limit. */
  async function count(runs: RawBuilder<unknown>, most: number): Promise<number> {
    const statement = sql<{ n: number }>`
      select count(*) as n from (select 1 as one from (${runs}) as found limit ${most + 1}) as counted`
    return (await statement.execute(db)).rows[0]!.n
  }

  /**
   * The runs that are worth looking at one by one, if an index leads to few, and what else they must fulfil. The more
   * conditions there are, the longer is the walk that is spared.
   */
  async function candidates(filter: Filter | undefined, sought: Sought): Promise<Few | undefined> {
    const { experiments, numbers, order } = sought
    const parts = conjuncts(filter)
    // What is said of the field that orders only shortens the walk.
    const others = parts.filter(
      part => !('operator' in part && part.entity === order.first.entity && part.key === order.first.key),
    )
    let few: Few | undefined
    let least = Number.POSITIVE_INFINITY
    for (const part of others) {
      const behind = runsBehind(engine, { filter: part, experiments, numbers })
      if (!behind) continue
      const most = Math.min(least, candidatesMax[behind.isInIndex ? 'inIndex' : 'lookedUp'] * others.length)
      const found = await count(behind.atMost, most)
      if (found > most) continue
      least = found
      few = { runs: behind.runs, rest: parts.filter(other => other !== part) }
    }
    if (few || experiments.length <= walkedExperimentsMax) return few
    return { runs: sql`select seq from tracking_run where experiment in (${sql.join(experiments)})`, rest: parts }
  }

  return {
    async search(query, page) {
      const { items, ...rest } = await found(query, page)
      return { items: await documents.of(items), ...rest }
    },

    async table(query, columns, page) {
      const { items, ...rest } = await found(query, page)
      return { items: await tableOf(items, columns), ...rest }
    },

    async count(query, most) {
      if (query.experiments.length === 0) return 0
      const sought = await soughtOf({ ...query, order: [] }, { limit: most })
      const { experiments, lifecycles, numbers } = sought
      const few = query.filter && (await candidates(query.filter, sought))
      const where = few ? allOf(few.rest, part => runCondition({ engine, numbers }, part)) : sought.where
      // The plus as in `sorted`.
      const among = few ? sql`r.seq in (${few.runs}) and +r.experiment` : sql`r.experiment`
      return count(
        sql`select r.seq from tracking_run as r where ${among} in (${sql.join(experiments)})
              and r.lifecycle in (${sql.join(lifecycles)}) and ${where}`,
        most,
      )
    },
  }

  async function found(query: RunQuery, { limit, after }: PageRequest): Promise<Page<Row>> {
    if (query.experiments.length === 0) return { items: [] }
    const sought = await soughtOf(query, { limit, after })
    const rows = (await glanced(query.filter, sought)) ?? (await lookedFor(query.filter, sought))
    const { terms } = sought.order
    const cursors = cursorsOfRuns(query)
    return toPage(rows, limit, row => cursors.encode(terms.map((_, index) => row[`o${index}`]!)))
  }

  /**
   * The page, if the first rows of the order's index have it: so it is where many runs fulfil a filter. Of one index only,
   * for of several the page may have rows of one that lie behind those that were looked at.
   */
  async function glanced(filter: Filter | undefined, sought: Sought): Promise<readonly Row[] | undefined> {
    const [phase] = phasesOf(sought.order.first, sought.numbers)
    const isOne = sought.experiments.length === 1 && sought.lifecycles.length === 1
    if (steps === 0 || !filter || !isOne || !phase?.value || (sought.after && sought.after[0] !== phase.rank))
      return undefined
    const rows = await walkPhase({ ...sought, steps }, phase)
    return rows.length === sought.most ? rows : undefined
  }

  async function lookedFor(filter: Filter | undefined, sought: Sought): Promise<readonly Row[]> {
    const few = await candidates(filter, sought)
    return few ? sorted(sought, few) : walked(sought)
  }

  async function soughtOf(query: RunQuery, page: { limit: number; after?: string | undefined }): Promise<Sought> {
    const numbers = await keyNumbers(keys.find, query)
    const order = runOrder(query.order, numbers)
    return {
      experiments: query.experiments.map(numberOf),
      lifecycles: lifecyclesOf(query.view),
      where: allOf(conjuncts(query.filter), part => runCondition({ engine, numbers }, part)),
      rowWhere: rowFilter(engine, { filter: query.filter, first: order.first, numbers }),
      order,
      numbers,
      after: page.after === undefined ? undefined : cursorsOfRuns(query).decode(page.after, order.terms.length),
      most: page.limit + 1,
    }
  }

  // A plus keeps SQLite from reading all runs of the experiment by its index, to ask of each whether it is among the few.
  async function sorted(sought: Sought, { runs, rest }: Few): Promise<readonly Row[]> {
    const { experiments, lifecycles, numbers, order, after, most } = sought
    const where = allOf(rest, part => runCondition({ engine, numbers }, part))
    const { rows } = await sql<Row>`
      select * from (
        select r.*, ${columns(order)} from tracking_run as r
        where r.seq in (${runs}) and +r.experiment in (${sql.join(experiments)})
          and r.lifecycle in (${sql.join(lifecycles)}) and ${where}) as found
      where ${after ? afterSql(order.terms, after) : always}
      order by ${orderSql(order.terms)} limit ${most}`.execute(db)
    return rows
  }

  async function walked(sought: Sought): Promise<readonly Row[]> {
    const { after, most, order, numbers } = sought
    const found: Row[] = []
    for (const phase of phasesOf(order.first, numbers)) {
      if (after && phase.rank < (after[0] as number)) continue
      const cursor = after && phase.rank === after[0] ? after : undefined
      found.push(...(await walkPhase({ ...sought, after: cursor, most: most - found.length }, phase)))
      if (found.length >= most) break
    }
    return found
  }

  async function walkPhase(sought: Sought, phase: Phase): Promise<readonly Row[]> {
    const { after, most } = sought
    if (!phase.value) return tied(sought, phase, undefined)
    const found = after ? [...(await tied(sought, phase, after[1]!))] : []
    if (found.length >= most) return found
    const rest = await behind({ ...sought, most: most - found.length }, phase)
    const last = rest.at(-1)?.['o1']
    if (rest.length < most - found.length) return [...found, ...rest]
    // Of the last value only some are there, and not the first ones: they are asked for in their order.
    found.push(...rest.filter(row => row['o1'] !== last))
    return [...found, ...(await tied({ ...sought, after: undefined, most: most - found.length }, phase, last!))]
  }

  /** The rows of one value of the first field, in the order of the others, behind the cursor. */
  function tied(sought: Sought, phase: Phase, value: CursorValue | undefined): Promise<readonly Row[]> {
    const { order, after } = sought
    const isValue = value === undefined ? always : sql`${phase.value!} = ${valueOf(value, order)}`
    const others = order.terms.slice(2)
    if (others.length > 2)
      return arms(sought, { phase, where: isValue, outer: after ? afterSql(others, after.slice(2)) : always })
    const ties = [
      { column: phase.started, type: 'number', descending: true },
      { column: phase.seq, type: 'number', descending: false },
    ] as const
    const where = after ? sql`${isValue} and ${afterSql(ties, after.slice(2))}` : isValue
    return arms(sought, { phase, where, by: orderSql(ties) })
  }

  /** Rows behind the cursor's value of the first field, by that field. */
  function behind(sought: Sought, phase: Phase): Promise<readonly Row[]> {
    const { after, order } = sought
    const { descending } = order.first
    const where = after ? sql`${phase.value!} ${sql.raw(descending ? '<' : '>')} ${valueOf(after[1]!, order)}` : always
    return arms(sought, { phase, where, by: sql`${phase.value!} ${sql.raw(descending ? 'desc' : 'asc')}` })
  }

  /** One part for each experiment and lifecycle, the first of each by its index; then the first of all. */
  async function arms(sought: Sought, { phase, where, by, outer = always }: Part): Promise<readonly Row[]> {
    const { order, most, experiments, lifecycles, steps } = sought
    const glance = by && steps !== undefined ? { where, by, steps } : undefined
    const first = by ? sql`order by ${by} limit ${most}` : sql``
    const parts = experiments.flatMap(experiment =>
      lifecycles.map(
        lifecycle => sql`
          select * from (
            select r.*, ${columns(order)} ${phase.source(experiment, lifecycle, glance)} and ${where}
              and ${phase.isOfRows ? sought.rowWhere : sought.where}
            ${first}) as arm`,
      ),
    )
    const { rows } = await sql<Row>`
      select * from (${sql.join(parts, sql` union all `)}) as found
      where ${outer} order by ${orderSql(order.terms)} limit ${most}`.execute(db)
    return rows
  }
}

interface Few {
  readonly runs: RawBuilder<unknown>
  readonly rest: readonly Filter[]
}

interface Part {
  readonly phase: Phase
  readonly where: Expression<unknown>
  /** The order of an index: each part then has no more rows than a page. */
  readonly by?: RawBuilder<unknown>
  readonly outer?: Expression<unknown>
}

const always = sql<SqlBool>`1 = 1`

const columns = ({ columns: all }: RunOrder): RawBuilder<unknown> =>
  sql.join(all.map((column, index) => sql`${column} as ${sql.ref(`o${index}`)}`))

/** Integers stay integers: an index of integers is not used for a double. */
function valueOf(value: CursorValue, { terms }: RunOrder): RawBuilder<unknown> {
  // Without a cast: SQLite does not find the index of an expression by a value that has a type.
  if (terms[1]!.type === 'text') return sql`${value}`
  return Number.isSafeInteger(value) ? sql`cast(${value} as bigint)` : sql`cast(${value} as double precision)`
}

const lifecyclesOf = (view: View): readonly string[] => (view === 'all' ? ['active', 'deleted'] : [view])
