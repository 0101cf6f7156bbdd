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
      `create index registry_webhook_delivery_lane on registry_webhook_delivery (webhook, next_at, id) where state = 'waiting'`,
      `create index registry_webhook_delivery_next on registry_webhook_delivery (next_at) where state = 'waiting'`,
      `alter table registry_webhook add column sealed text`,
    ],
  },
  {
    name: 'registry-webhooks-003',
    statements: [
      {
        sqlite: deliveriesMoved(`json_object('entity', d.entity, 'action', d.action, 'body', d.body)`),
        postgres: deliveriesMoved(`json_build_object('entity', d.entity, 'action', d.action, 'body', d.body)`),
      },
      `drop table registry_webhook_delivery`,
    ],
  },
]

function deliveriesMoved(message: string): string {
  return `insert into outbound_delivery
      (id, sender, lane, project, receiver, event_seq, replay_of, message, state, attempts, next_at, status, answer,
       error, created_at, ended_at)
    select d.id, 'registry.webhooks', w.project || '/' || d.webhook, w.project, d.webhook, d.event_seq, d.replay_of,
      ${message}, d.state, d.attempts, d.next_at, d.status, d.answer, d.error, d.created_at, d.ended_at
    from registry_webhook_delivery as d join registry_webhook as w on w.id = d.webhook`
}
