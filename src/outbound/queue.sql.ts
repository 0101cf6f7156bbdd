import { sql, type RawBuilder } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { DeliveryQueue, Queued, Taken } from './queue.ts'

/** The columns that a table of deliveries has beside its own. */
export type QueueColumns = {
  id: string
  state: string
  attempts: number
  next_at: number | null
  status: number | null
  answer: string | null
  error: string | null
  created_at: number
  ended_at: number | null
}

/** The indexes that keep the queue quick, however much was delivered or waits behind a receiver that is away. */
export const queueIndexes = (table: string, lane: string): readonly string[] => [
  `create index ${table}_lane on ${table} (${lane}, next_at, id) where state = 'waiting'`,
  `create index ${table}_next on ${table} (next_at) where state = 'waiting'`,
]

export interface QueueTable<Row, Delivery> {
  readonly table: string
  /** The column that names the receiver. */
  readonly lane: string
  fromRow(row: Row): Delivery
}

export function sqlDeliveryQueue<Row extends QueueColumns, Delivery extends Queued>(
  db: Db,
  { table, lane, fromRow }: QueueTable<Row, Delivery>,
): DeliveryQueue<Delivery> {
  const deliveries = sql.table(table)
  const receiver = sql.ref(lane)

  /** From lane to lane along the index: how long they are does not matter. */
  const due = (
    now: Millis,
    limit: number,
    isFree: RawBuilder<boolean>,
  ): RawBuilder<{ lane: string; id: string; attempts: number }> => sql`
    with recursive waiting_lane (name) as (
      select min(${receiver}) from ${deliveries} where state = 'waiting'
      union all
      select (select min(${receiver}) from ${deliveries} where state = 'waiting' and ${receiver} > waiting_lane.name)
      from waiting_lane where waiting_lane.name is not null)
    select waiting_lane.name as lane, due.id as id, due.attempts as attempts
    from waiting_lane join ${deliveries} as due on due.id = (
      select id from ${deliveries}
      where state = 'waiting' and ${receiver} = waiting_lane.name and next_at <= ${now} order by next_at, id limit 1)
    where ${isFree} order by due.next_at, due.id limit ${limit}`

  return {
    async take({ now, until, limit, except }) {
      const { rows } = await due(now, limit, notIn(sql.ref('waiting_lane.name'), except)).execute(db)
      const taken: Taken<Delivery>[] = []
      for (const { id, attempts, lane: name } of rows) {
        // Of two that saw it due, the one whose count still holds gets it.
        const held = await sql<Row>`update ${deliveries} set attempts = ${attempts + 1}, next_at = ${until}
          where id = ${id} and attempts = ${attempts} and state = 'waiting' returning *`.execute(db)
        taken.push(...held.rows.map(row => ({ lane: name, delivery: fromRow(row) })))
      }
      return taken
    },

    async conclude(id, { state, status, answer, error, nextAt, endedAt }) {
      await sql`update ${deliveries} set state = ${state}, status = ${status ?? null}, answer = ${answer ?? null},
        error = ${error ?? null}, next_at = ${nextAt ?? null}, ended_at = ${endedAt ?? null}
        where id = ${id}`.execute(db)
    },

    async nextDue(except) {
      const { rows } = await sql<{ due: number | null }>`select min(next_at) as due from ${deliveries}
        where state = 'waiting' and ${notIn(receiver, except)}`.execute(db)
      const next = rows[0]?.due
      return next === null || next === undefined ? undefined : (Number(next) as Millis)
    },
  }
}

const notIn = (name: RawBuilder<unknown>, names: readonly string[]): RawBuilder<boolean> =>
  names.length === 0 ? sql`true` : sql`${name} not in (${sql.join(names)})`
