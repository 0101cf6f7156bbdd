import { queueIndexes } from '#outbound'
import type { Migration } from '#storage'

export type NotificationTables = {
  /** Every message that was ever due, with the last that was heard of it. */
  notification: {
    id: string
    /** `project/channel`: one receiver. */
    lane: string
    project: string
    channel: string
    event_seq: number | null
    replay_of: string | null
    /** JSON: what it says. */
    notice: string
    state: string
    attempts: number
    next_at: number | null
    status: number | null
    answer: string | null
    error: string | null
    created_at: number
    ended_at: number | null
  }
}

export const notificationMigrations: readonly Migration[] = [
  {
    name: 'notifications-001',
    statements: [
      `create table notification (
         id text primary key, lane text not null, project text not null, channel text not null, event_seq bigint,
         replay_of text, notice text not null, state text not null, attempts bigint not null, next_at bigint,
         status bigint, answer text, error text, created_at bigint not null, ended_at bigint, unique (lane, event_seq))`,
      `create index notification_project on notification (project, id)`,
      ...queueIndexes('notification', 'lane'),
    ],
  },
]
