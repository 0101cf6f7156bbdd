import type { Migration } from '#storage'

export type OutboundTables = {
  /** Every delivery that was ever due, with the last that was heard of it. */
  outbound_delivery: {
    id: string
    /** The component that it is of. */
    sender: string
    /** `project/receiver` */
    lane: string
    project: string
    receiver: string
    event_seq: number | null
    replay_of: string | null
    /** JSON: what the sender has to say. */
    message: string
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

/** Tables that tell what was said of bytes, which may be gone. */
export const outboundRecords = ['outbound_delivery'] as const

export const outboundMigrations: readonly Migration[] = [
  {
    name: 'outbound-001',
    statements: [
      `create table outbound_delivery (
         id text primary key, sender text not null, lane text not null, project text not null, receiver text not null,
         event_seq bigint, replay_of text, message text not null, state text not null, attempts bigint not null,
         next_at bigint, status bigint, answer text, error text, created_at bigint not null, ended_at bigint,
         unique (sender, lane, event_seq))`,
      `create index outbound_delivery_project on outbound_delivery (sender, project, id)`,
      `create index outbound_delivery_list on outbound_delivery (sender, lane, id)`,
      `create index outbound_delivery_failed on outbound_delivery (sender, project, id) where state = 'failed'`,
      // These keep the queue quick, however much was delivered or waits behind a receiver that is away.
      `create index outbound_delivery_lane on outbound_delivery (sender, lane, next_at, id) where state = 'waiting'`,
      `create index outbound_delivery_next on outbound_delivery (sender, next_at) where state = 'waiting'`,
    ],
  },
]
