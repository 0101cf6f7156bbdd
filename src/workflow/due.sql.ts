import { sql, type Transaction } from 'kysely'
import { runText } from '#storage'
import { fitting, on, type Candidate, type Demand } from './room.ts'
import { holdSlots, roomIn } from './slots.sql.ts'
import type { ClaimRequest } from './claim.ts'
import type { WorkflowTables } from './tables.ts'
import { takeFirst, takeTasks, type TakenTask } from './take.sql.ts'

type Tx = Transaction<WorkflowTables>

/** A level of priority is worth a minute of waiting: who waits long enough is before everybody. */
const rank = sql<number>`(next_at - priority * 60000)`

/**
 * Takes the due tasks that may begin, first those of the least rank. As long as no task asks for room, that is one look at
 * an index; of those that ask for the same only the first are looked at, however many there are.
 */
export async function takeDue(tx: Tx, request: ClaimRequest): Promise<readonly TakenTask[]> {
  const demands = await demandsDue(tx, request)
  if (demands.length === 0) return takeFirst(tx, request)
  return takeTasks(tx, await fittingTasks(tx, request, demands), request.now)
}

async function fittingTasks(tx: Tx, request: ClaimRequest, demands: readonly string[]): Promise<readonly string[]> {
  const candidates: Candidate[] = []
  for (const demand of ['', ...demands]) candidates.push(...(await first(tx, request, demand)))
  const chosen = fitting(candidates, await roomIn(tx), request.limit)
  const demandOf = new Map(candidates.map(({ id, demand }) => [id, demand]))
  const keys = chosen.flatMap(id => Object.keys(demandOf.get(id) ?? {}))
  if (keys.length === 0) return chosen
  await holdSlots(tx, keys)
  return fitting(candidates, await roomIn(tx), request.limit)
}

/** What due tasks ask for, each once: a leap through the index from one to the next. */
async function demandsDue(tx: Tx, { pool }: ClaimRequest): Promise<readonly string[]> {
  const rows = await runText<{ demand: string }>(tx, askedFor, [pool, pool])
  return rows.map(({ demand }) => demand)
}

const least = 'select min(demand) from workflow_queue where pool = ?'
const askedFor = `
  with recursive asked(demand) as (
    select (${least} and demand > '')
    union all select (${least} and demand > asked.demand) from asked where asked.demand is not null)
  select demand from asked where demand is not null`

async function first(
  tx: Tx,
  { pool, limit, now, machine }: ClaimRequest,
  demand: string,
): Promise<readonly Candidate[]> {
  const taken = demand === '' ? undefined : on(machine, JSON.parse(demand) as Demand)
  const rows = await tx
    .selectFrom('workflow_queue')
    .select(['task as id', rank.as('rank')])
    .where('pool', '=', pool)
    .where('demand', '=', demand)
    // Not by the index over it: that is in another order.
    .where(sql<boolean>`+next_at <= ${now}`)
    .orderBy(rank)
    .orderBy('task')
    .limit(limit)
    .execute()
  return rows.map(row => ({ ...row, demand: taken }))
}
