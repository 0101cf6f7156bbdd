import { queueIndexes } from '#outbound'
import type { Migration } from '#storage'

export type WebhookTables = {
  registry_webhook: {
    id: string
    project: string
    name: string
    description: string | null
    url: string
    /** JSON list: `["model_version.created"]`. */
    events: string
    /** What deliveries are signed with, as it stood here before it was sealed: null once this server has begun. */
    secret: string | null
    /** The same, sealed. It is opened for nothing else. */
    sealed: string | null
    state: string
    created_at: number
    updated_at: number
  }
  /** Every delivery that was ever due, with the last that was heard of it. */
  registry_webhook_delivery: {
    id: string
    webhook: string
    event_seq: number | null
    replay_of: string | null
    entity: string
    action: string
    body: string
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

export const webhookMigrations: readonly Migration[] = [
  {
    name: 'registry-webhooks-001',
    statements: [
      `create table registry_webhook (
         id text primary key, project text not null, name text not null, description text, url text not null,
         events text not null, secret text, state text not null, created_at bigint not null, updated_at bigint not null)`,
      `create index registry_webhook_project on registry_webhook (project, id)`,
      `create table registry_webhook_delivery (
         id text primary key, webhook text not null references registry_webhook on delete cascade, event_seq bigint,
         replay_of text, entity text not null, action text not null, body text not null, state text not null,
         attempts bigint not null, next_at bigint, status bigint, answer text, error text, created_at bigint not null,
         ended_at bigint, unique (webhook, event_seq))`,
      `create index registry_webhook_delivery_webhook on registry_webhook_delivery (webhook, id)`,
      `create index registry_webhook_delivery_due on registry_webhook_delivery (next_at) where state = 'waiting'`,
    ],
  },
  {
    name: 'registry-webhooks-002',
    statements: [
      `drop index registry_webhook_delivery_due`,
      ...queueIndexes('registry_webhook_delivery', 'webhook'),
      `alter table registry_webhook add column sealed text`,
    ],
  },
]
