import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { sqlDeliveryStore, type DeliveryStore } from '#outbound'
import { sqlSealedColumn, type SealedColumn, type Vault } from '#secrets'
import type { AnyTx, Db } from '#storage'
import type { Message, Webhook } from './webhook.ts'
import type { WebhookStore } from './webhook-store.ts'
import type { WebhookTables } from './webhook-tables.ts'

type WebhookRow = Selectable<WebhookTables['registry_webhook']>

export function sqlWebhookStore(db: Db, vault: Pick<Vault, 'seal' | 'open'>): WebhookStore {
  const tables = db.withTables<WebhookTables>()
  const one = (id: string) => tables.selectFrom('registry_webhook').selectAll().where('id', '=', id).executeTakeFirst()

  const sealed = async ({ id, project }: Pick<Webhook, 'id' | 'project'>, secret: string | undefined) =>
    secret === undefined ? null : vault.seal(secret, placeOf({ id, project }))

  return {
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

    async remove(id, also) {
      return tables.transaction().execute(async tx => {
        const { numDeletedRows } = await tx
          .deleteFrom('registry_webhook')
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        await also(tx as unknown as AnyTx)
        return numDeletedRows > 0n
      })
    },

    async secretOf(id) {
      const row = await one(id)
      if (!row) return undefined
      const secret = row.sealed === null ? row.secret : await vault.open(row.sealed, placeOf(row))
      return { ...fromRow(row), ...(secret !== null && { secret }) }
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
  }
}

export const webhookDeliveries = (db: Db): DeliveryStore<Message> => sqlDeliveryStore(db, 'registry.webhooks')

/** What the webhooks' deliveries are signed with, as the vault keeps it. */
export const webhookSecrets = (db: Db, vault: Pick<Vault, 'seal'>): SealedColumn =>
  sqlSealedColumn<WebhookRow>(db, vault, { table: 'registry_webhook', key: ['id'], placeOf })

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
