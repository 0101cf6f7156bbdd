import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { inside, type Db } from '#storage'
import type { Delivery } from './delivery.ts'
import type { Attempted, DeliveryState, Taken } from './queue.ts'
import type { DeliveryStore, Receiver } from './store.ts'
import type { OutboundTables } from './tables.ts'

type Row = Selectable<OutboundTables['outbound_delivery']>

const deliveries = sql.table('outbound_delivery')

/** The deliveries of one sender, which no other sender sees. */
export function sqlDeliveryStore<Message>(db: Db, sender: string): DeliveryStore<Message> {
  const tables = db.withTables<OutboundTables>()
  const own = sql`sender = ${sender}`
  const all = () => tables.selectFrom('outbound_delivery').selectAll().where('sender', '=', sender)

  return {
    async enqueue(delivery) {
      await tables
        .insertInto('outbound_delivery')
        .values({ sender, ...toRow(delivery) })
        .onConflict(conflict => conflict.columns(['sender', 'lane', 'event_seq']).doNothing())
        .execute()
    },

    async find(id) {
      const row = await all().where('id', '=', id).executeTakeFirst()
      return row && fromRow<Message>(row)
    },

    async list({ project, receiver, state }, { limit, after }) {
      let query = all()
        .orderBy('id', 'desc')
        .limit(limit + 1)
      query =
        receiver === undefined
          ? query.where('project', '=', project)
          : query.where('lane', '=', laneOf({ project, receiver }))
      // As a literal: an index is of those that failed alone.
      if (state !== undefined) query = query.where('state', '=', sql.lit(state))
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromRow<Message>), limit, ({ id }) => id)
    },

    async forget(tx, to) {
      await inside<OutboundTables>(tx)
        .deleteFrom('outbound_delivery')
        .where('sender', '=', sender)
        .where('lane', '=', laneOf(to))
        .execute()
    },

    async take({ now, until, limit, except }) {
      const { rows } = await due(own, now, notIn(sql`waiting_lane.name`, except), limit).execute(db)
      const taken: Taken<Delivery<Message>>[] = []
      for (const { id, attempts } of rows) {
        // Of two that saw it due, the one whose count still holds gets it.
        const held = await sql<Row>`update ${deliveries} set attempts = ${attempts + 1}, next_at = ${until}
          where id = ${id} and attempts = ${attempts} and state = 'waiting' returning *`.execute(db)
        taken.push(...held.rows.map(row => ({ lane: row.lane, delivery: fromRow<Message>(row) })))
      }
      return taken
    },

    async conclude(id, attempted) {
      await tables.updateTable('outbound_delivery').set(heardColumns(attempted)).where('id', '=', id).execute()
    },

    async nextDue(except) {
      const { rows } = await sql<{ due: number | null }>`select min(next_at) as due from ${deliveries}
        where ${own} and state = 'waiting' and ${notIn(sql`lane`, except)}`.execute(db)
      const next = rows[0]?.due
      return next === null || next === undefined ? undefined : (Number(next) as Millis)
    },
  }
}

const laneOf = ({ project, receiver }: Receiver): string => `${project}/${receiver}`

/** From lane to lane along the index: how long they are does not matter. */
const due = (
  own: RawBuilder<unknown>,
  now: Millis,
  isFree: RawBuilder<unknown>,
  limit: number,
): RawBuilder<{ id: string; attempts: number }> => sql`
  with recursive waiting_lane (name) as (
    select min(lane) from ${deliveries} where ${own} and state = 'waiting'
    union all
    select (select min(lane) from ${deliveries} where ${own} and state = 'waiting' and lane > waiting_lane.name)
    from waiting_lane where waiting_lane.name is not null)
  select due.id as id, due.attempts as attempts
  from waiting_lane join ${deliveries} as due on due.id = (
    select id from ${deliveries}
    where ${own} and state = 'waiting' and lane = waiting_lane.name and next_at <= ${now} order by next_at, id limit 1)
  where ${isFree} order by due.next_at, due.id limit ${limit}`

const notIn = (name: RawBuilder<unknown>, names: readonly string[]): RawBuilder<unknown> =>
  names.length === 0 ? sql`true` : sql`${name} not in (${sql.join(names)})`

const heardColumns = ({ state, status, answer, error, nextAt, endedAt }: Attempted) => ({
  state,
  status: status ?? null,
  answer: answer ?? null,
  error: error ?? null,
  next_at: nextAt ?? null,
  ended_at: endedAt ?? null,
})

const toRow = <Message>(delivery: Delivery<Message>): Omit<Row, 'sender'> => ({
  id: delivery.id,
  lane: laneOf(delivery),
  project: delivery.project,
  receiver: delivery.receiver,
  event_seq: delivery.event ?? null,
  replay_of: delivery.replayOf ?? null,
  message: JSON.stringify(delivery.message),
  attempts: delivery.attempts,
  created_at: delivery.createdAt,
  ...heardColumns(delivery),
})

const fromRow = <Message>(row: Row): Delivery<Message> => ({
  id: row.id,
  project: row.project,
  receiver: row.receiver,
  ...(row.event_seq !== null && { event: row.event_seq }),
  ...(row.replay_of !== null && { replayOf: row.replay_of }),
  message: JSON.parse(row.message),
  state: row.state as DeliveryState,
  attempts: row.attempts,
  ...(row.status !== null && { status: row.status }),
  ...(row.answer !== null && { answer: row.answer }),
  ...(row.error !== null && { error: row.error }),
  createdAt: row.created_at as Millis,
  ...(row.next_at !== null && { nextAt: row.next_at as Millis }),
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
