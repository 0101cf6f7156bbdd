import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { sqlDeliveryQueue } from '#outbound'
import type { Db } from '#storage'
import type { Notification } from './notification.ts'
import type { NotificationStore } from './store.ts'
import type { NotificationTables } from './tables.ts'

type Row = Selectable<NotificationTables['notification']>

export function sqlNotificationStore(db: Db): NotificationStore {
  const tables = db.withTables<NotificationTables>()
  return {
    ...sqlDeliveryQueue<Row, Notification>(db, { table: 'notification', lane: 'lane', fromRow }),

    async enqueue(notification) {
      await tables
        .insertInto('notification')
        .values(toRow(notification))
        .onConflict(conflict => conflict.columns(['lane', 'event_seq']).doNothing())
        .execute()
    },

    async find(id) {
      const row = await tables.selectFrom('notification').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async list({ project, channel, state }, { limit, after }) {
      let query = tables
        .selectFrom('notification')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (channel !== undefined) query = query.where('channel', '=', channel)
      if (state !== undefined) query = query.where('state', '=', state)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromRow), limit, ({ id }) => id)
    },
  }
}

const toRow = (notification: Notification): Row => {
  const { id, project, channel, event, replayOf, kind, title, why, next, path, ...rest } = notification
  const { state, attempts, status, answer, error, createdAt, nextAt, endedAt } = rest
  return {
    id,
    lane: `${project}/${channel}`,
    project,
    channel,
    event_seq: event ?? null,
    replay_of: replayOf ?? null,
    notice: JSON.stringify({ kind, title, why, next, path }),
    state,
    attempts,
    next_at: nextAt ?? null,
    status: status ?? null,
    answer: answer ?? null,
    error: error ?? null,
    created_at: createdAt,
    ended_at: endedAt ?? null,
  }
}

const fromRow = (row: Row): Notification => ({
  id: row.id,
  project: row.project,
  channel: row.channel,
  ...(row.event_seq !== null && { event: row.event_seq }),
  ...(row.replay_of !== null && { replayOf: row.replay_of }),
  ...JSON.parse(row.notice),
  state: row.state as Notification['state'],
  attempts: row.attempts,
  ...(row.status !== null && { status: row.status }),
  ...(row.answer !== null && { answer: row.answer }),
  ...(row.error !== null && { error: row.error }),
  createdAt: row.created_at as Millis,
  ...(row.next_at !== null && { nextAt: row.next_at as Millis }),
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
