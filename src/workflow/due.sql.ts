import { sql, type Transaction } from 'kysely'
import { fitting, on, type Candidate, type Demand } from './room.ts'
import { holdSlots, roomIn } from './slots.sql.ts'
import type { ClaimRequest } from './store.ts'
import type { WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** A level of priority is worth a minute of waiting: who waits long enough is before everybody. */
const rank = sql<number>`(next_at - priority * 60000)`

/**
 * The due tasks that may begin, first those of the least rank. As long as no task asks for room, that is one look at an
 * index; of those that ask for the same only the first are looked at, however many there are.
 */
export async function dueTasks(tx: Tx, request: ClaimRequest): Promise<readonly string[]> {
  const demands = await demandsDue(tx, request)
  const free = await first(tx, request, '')
  if (demands.length === 0) return free.map(({ id }) => id)
  const asking = await Promise.all(demands.map(demand => first(tx, request, demand)))
  const candidates = [...free, ...asking.flat()]
  const chosen = fitting(candidates, await roomIn(tx), request.limit)
  const demandOf = new Map(candidates.map(({ id, demand }) => [id, demand]))
  const keys = chosen.flatMap(id => Object.keys(demandOf.get(id) ?? {}))
  if (keys.length === 0) return chosen
  await holdSlots(tx, keys)
  return fitting(candidates, await roomIn(tx), request.limit)
}

/** What due tasks ask for, each once: a leap through the index from one to the next. */
async function demandsDue(tx: Tx, { pool }: ClaimRequest): Promise<readonly string[]> {
  const least = sql`select min(demand) from workflow_task where pool = ${pool} and next_at is not null`
  const { rows } = await sql<{ demand: string }>`
    with recursive asked(demand) as (
      select (${least} and demand > '') union all select (${least} and demand > asked.demand) from asked where asked.demand is not null)
    select demand from asked where demand is not null`.execute(tx)
  return rows.map(({ demand }) => demand)
}

async function first(
  tx: Tx,
  { pool, limit, now, machine }: ClaimRequest,
  demand: string,
): Promise<readonly Candidate[]> {
  const taken = demand === '' ? undefined : on(machine, JSON.parse(demand) as Demand)
  const rows = await tx
    .selectFrom('workflow_task')
    .select(['id', rank.as('rank')])
    .where('pool', '=', pool)
    .where('demand', '=', demand)
    .where('next_at', 'is not', null)
    // Not by the index over it: that is in another order.
    .where(sql<boolean>`+next_at <= ${now}`)
    .orderBy(rank)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(row => ({ ...row, demand: taken }))
}
