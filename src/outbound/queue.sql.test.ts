import { sql } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { testEngines } from '#storage/testing.ts'
import { deliveryQueueContract } from './queue.contract.ts'
import type { Queued } from './queue.ts'
import { queueIndexes, sqlDeliveryQueue, type QueueColumns } from './queue.sql.ts'

const migrations = [
  {
    name: 'letter-001',
    statements: [
      `create table letter (
         id text primary key, receiver text not null, state text not null, attempts bigint not null, next_at bigint,
         status bigint, answer text, error text, created_at bigint not null, ended_at bigint)`,
      ...queueIndexes('letter', 'receiver'),
    ],
  },
]

for (const { name, open } of testEngines())
  deliveryQueueContract(name, async t => {
    const db = await open(t, migrations)
    const fromRow = ({ id, attempts, created_at }: QueueColumns): Queued => ({
      id,
      attempts,
      createdAt: created_at as Millis,
    })
    return {
      queue: sqlDeliveryQueue(db, { table: 'letter', lane: 'receiver', fromRow }),
      async add({ id, lane, nextAt }) {
        await sql`insert into letter (id, receiver, state, attempts, next_at, created_at)
          values (${id}, ${lane}, 'waiting', 0, ${nextAt}, 0)`.execute(db)
      },
    }
  })
