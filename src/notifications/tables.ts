import { sqlDeliveryStore, type DeliveryStore } from '#outbound'
import type { Db, Migration } from '#storage'
import type { Message } from './notification.ts'

/** This component has no table of its own any more. */
export const notificationDeliveries = (db: Db): DeliveryStore<Message> => sqlDeliveryStore(db, 'notifications')

export const notificationMigrations: readonly Migration[] = [
  {
    name: 'notifications-001',
    statements: [
      `create table notification (
         id text primary key, lane text not null, project text not null, channel text not null, event_seq bigint,
         replay_of text, notice text not null, state text not null, attempts bigint not null, next_at bigint,
         status bigint, answer text, error text, created_at bigint not null, ended_at bigint, unique (lane, event_seq))`,
      `create index notification_project on notification (project, id)`,
      `create index notification_lane on notification (lane, next_at, id) where state = 'waiting'`,
      `create index notification_next on notification (next_at) where state = 'waiting'`,
    ],
  },
  {
    name: 'notifications-002',
    statements: [
      `insert into outbound_delivery
           (id, sender, lane, project, receiver, event_seq, replay_of, message, state, attempts, next_at, status, answer,
            error, created_at, ended_at)
         select id, 'notifications', lane, project, channel, event_seq, replay_of, notice, state, attempts, next_at,
           status, answer, error, created_at, ended_at from notification`,
      `drop table notification`,
    ],
  },
]
