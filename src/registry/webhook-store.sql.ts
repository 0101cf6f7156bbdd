import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { sqlDeliveryQueue } from '#outbound'
import type { Vault } from '#secrets'
import type { Db } from '#storage'
import type { Delivery, Webhook } from './webhook.ts'
import type { WebhookStore } from './webhook-store.ts'
import type { WebhookTables } from './webhook-tables.ts'

type WebhookRow = Selectable<WebhookTables['registry_webhook']>
type DeliveryRow = Selectable<WebhookTables['registry_webhook_delivery']>

export function sqlWebhookStore(db: Db, vault: Pick<Vault, 'seal' | 'open'>): WebhookStore {
  const tables = db.withTables<WebhookTables>()
  const one = (id: string) => tables.selectFrom('registry_webhook').selectAll().where('id', '=', id).executeTakeFirst()

  const sealed = async ({ id, project }: Pick<Webhook, 'id' | 'project'>, secret: string | undefined) =>
    secret === undefined ? null : vault.seal(secret, placeOf({ id, project }))

  return {
    ...sqlDeliveryQueue<DeliveryRow, Delivery>(db, {
      table: 'registry_webhook_delivery',
      lane: 'webhook',
      fromRow: fromDeliveryRow,
    }),

    async insert({ description, events, secret, createdAt, updatedAt, ...same }) {
      await tables
        .insertInto('registry_webhook')
        .values({
          ...same,
          description: description ?? null,
          events: JSON.stringify(events),
          secret: null,
          sealed: await sealed(same, secret),
          created_at: createdAt,
          updated_at: updatedAt,
        })
        .execute()
    },

    async find(id) {
      const row = await one(id)
      return row && fromRow(row)
    },

    async list(project, { limit, after }) {
      let query = tables
        .selectFrom('registry_webhook')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromRow), limit, ({ id }) => id)
    },

    async change(id, { events, secret, ...change }, at) {
      const row = secret === undefined ? undefined : await one(id)
      const { numUpdatedRows } = await tables
        .updateTable('registry_webhook')
        .set({
          ...change,
          ...(row && { sealed: await sealed(row, secret) }),
          ...(events && { events: JSON.stringify(events) }),
          updated_at: at,
        })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },

    async remove(id) {
      const { numDeletedRows } = await tables
        .deleteFrom('registry_webhook')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async secretOf(id) {
      const row = await one(id)
      if (!row) return undefined
      const secret = row.sealed === null ? row.secret : await vault.open(row.sealed, placeOf(row))
      return { ...fromRow(row), ...(secret !== null && { secret }) }
    },

    async sealPlain() {
      const rows = await tables.selectFrom('registry_webhook').selectAll().where('secret', 'is not', null).execute()
      for (const row of rows) {
        await tables
          .updateTable('registry_webhook')
          .set({ secret: null, sealed: await sealed(row, row.secret!) })
          .where('id', '=', row.id)
          .where('secret', '=', row.secret)
          .execute()
      }
      return rows.length
    },

    async reseal(renew) {
      const rows = await tables.selectFrom('registry_webhook').selectAll().where('sealed', 'is not', null).execute()
      let count = 0
      for (const row of rows) {
        const anew = await renew(row.sealed!, placeOf(row))
        if (anew === undefined) continue
        count += 1
        await tables
          .updateTable('registry_webhook')
          .set({ sealed: anew })
          .where('id', '=', row.id)
          .where('sealed', '=', row.sealed)
          .execute()
      }
      return count
    },

    async subscribed(project, { entity, action }) {
      const rows = await tables
        .selectFrom('registry_webhook')
        .selectAll()
        .where('project', '=', project)
        .where('state', '=', 'active')
        .where('events', 'like', `%"${entity}.${action}"%`)
        .orderBy('id')
        .execute()
      // `_` in a pattern stands for any character.
      return rows.map(fromRow).filter(({ events }) => events.includes(`${entity}.${action}`))
    },

    async enqueue(delivery) {
      await tables
        .insertInto('registry_webhook_delivery')
        .values(toDeliveryRow(delivery))
        .onConflict(c => c.columns(['webhook', 'event_seq']).doNothing())
        .execute()
    },

    async findDelivery(id) {
      const row = await tables
        .selectFrom('registry_webhook_delivery')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && fromDeliveryRow(row)
    },

    async deliveries(webhook, { limit, after }) {
      let query = tables
        .selectFrom('registry_webhook_delivery')
        .selectAll()
        .where('webhook', '=', webhook)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromDeliveryRow), limit, ({ id }) => id)
    },
  }
}

/** What a secret is sealed for: it opens in no other webhook and no other project. */
const placeOf = ({ id, project }: Pick<Webhook, 'id' | 'project'>): Parameters<Vault['seal']>[1] => ({
  project,
  name: `webhook/${id}`,
})

const fromRow = (row: WebhookRow): Webhook => ({
  id: row.id,
  project: row.project,
  name: row.name,
  ...(row.description !== null && { description: row.description }),
  url: row.url,
  events: JSON.parse(row.events),
  state: row.state as Webhook['state'],
  createdAt: row.created_at as Millis,
  updatedAt: row.updated_at as Millis,
})

const toDeliveryRow = ({
  event,
  replayOf,
  nextAt,
  status,
  answer,
  error,
  createdAt,
  endedAt,
  ...same
}: Delivery): DeliveryRow => ({
  ...same,
  event_seq: event ?? null,
  replay_of: replayOf ?? null,
  next_at: nextAt ?? null,
  status: status ?? null,
  answer: answer ?? null,
  error: error ?? null,
  created_at: createdAt,
  ended_at: endedAt ?? null,
})

const fromDeliveryRow = (row: DeliveryRow): Delivery => ({
  id: row.id,
  webhook: row.webhook,
  ...(row.event_seq !== null && { event: row.event_seq }),
  ...(row.replay_of !== null && { replayOf: row.replay_of }),
  entity: row.entity,
  action: row.action,
  body: row.body,
  state: row.state as Delivery['state'],
  attempts: row.attempts,
  ...(row.status !== null && { status: row.status }),
  ...(row.answer !== null && { answer: row.answer }),
  ...(row.error !== null && { error: row.error }),
  createdAt: row.created_at as Millis,
  ...(row.next_at !== null && { nextAt: row.next_at as Millis }),
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
