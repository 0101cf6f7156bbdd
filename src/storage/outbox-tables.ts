import type { Migration } from './migrate.ts'

export type OutboxTables = {
  event: { seq: number; type: string; at: number; project: string | null; actor: string; data: string }
  event_counter: { name: string; last: number }
  event_subscriber: { name: string; seq: number; owner: string; lease_until: number }
  /** Events whose handler kept failing: set aside with the reason, so that they hold up nobody. */
  event_failure: { subscriber: string; seq: number; at: number; error: string }
}

/** Tables that tell what happened: bytes that they name may be gone. */
export const outboxRecords = ['event', 'event_failure'] as const

export const outboxMigrations: readonly Migration[] = [
  {
    name: 'outbox-001',
    statements: [
      `create table event (seq bigint primary key, type text not null, at bigint not null, project text, actor text not null, data text not null)`,
      `create index event_project on event (project, seq)`,
      `create table event_counter (name text primary key, last bigint not null)`,
      `insert into event_counter (name, last) values ('event', 0)`,
      `create table event_subscriber (name text primary key, seq bigint not null, owner text not null, lease_until bigint not null)`,
      `create table event_failure (subscriber text not null, seq bigint not null, at bigint not null, error text not null, primary key (subscriber, seq))`,
    ],
  },
]
