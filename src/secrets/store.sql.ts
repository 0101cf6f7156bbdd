import { sql, type Selectable, type Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { inside, type Db } from '#storage'
import type { Secret } from './secret.ts'
import type { DataKey, SealedSecret, SecretStore } from './store.ts'
import type { SecretTables } from './tables.ts'

type SecretRow = Selectable<SecretTables['secret']>
type KeyRow = Selectable<SecretTables['secret_key']>

const pageRows = 100

export function sqlSecretStore(db: Db): SecretStore {
  const tables = db.withTables<SecretTables>()
  return {
    transaction: work => db.transaction().execute(tx => work(tx as never)),

    async find(project, name) {
      const row = await tables
        .selectFrom('secret')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && { ...fromRow(row), sealed: row.sealed }
    },

    async list(project, { limit, after }) {
      let query = tables
        .selectFrom('secret')
        .selectAll()
        .where('project', '=', project)
        .orderBy('name')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('name', '>', after)
      return toPage((await query.execute()).map(fromRow), limit, ({ name }) => name)
    },

    async known(project, names) {
      if (names.length === 0) return []
      const rows = await tables
        .selectFrom('secret')
        .select('name')
        .where('project', '=', project)
        .where('name', 'in', names)
        .execute()
      return rows.map(({ name }) => name)
    },

    put: (tx, secret) => put(inside<SecretTables>(tx), secret),

    async remove(tx, project, name) {
      const { numDeletedRows } = await inside<SecretTables>(tx)
        .deleteFrom('secret')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async markUsed(tx, { project, name }, { at, by }) {
      await inside<SecretTables>(tx)
        .updateTable('secret')
        .set({ used_at: at, used_by: by })
        .where('project', '=', project)
        .where('name', '=', name)
        .execute()
    },

    async sealedBefore() {
      // A sealed text begins with its key: `v1.<key>.`
      const rows = await tables
        .selectFrom('secret')
        .innerJoin('secret_key', join =>
          join.onRef('secret_key.project', '=', 'secret.project').on('secret_key.retired_at', 'is', null),
        )
        .selectAll('secret')
        .where(sql<boolean>`secret.sealed not like 'v1.' || secret_key.id || '.%'`)
        .limit(pageRows)
        .execute()
      return rows.map(row => ({ ...fromRow(row), sealed: row.sealed }))
    },

    async reseal({ project = '', name, sealed: former }, sealed) {
      await tables
        .updateTable('secret')
        .set({ sealed })
        .where('project', '=', project)
        .where('name', '=', name)
        .where('sealed', '=', former)
        .execute()
    },

    async key(id) {
      const row = await tables.selectFrom('secret_key').selectAll().where('id', '=', id).executeTakeFirst()
      return row && keyFromRow(row)
    },

    async currentKey(project) {
      const row = await tables
        .selectFrom('secret_key')
        .selectAll()
        .where('project', '=', project)
        .where('retired_at', 'is', null)
        .executeTakeFirst()
      return row && keyFromRow(row)
    },

    addKey: (key, former) => tables.transaction().execute(tx => addKey(tx, key, former)),

    async keys() {
      return (await tables.selectFrom('secret_key').selectAll().orderBy('id').execute()).map(keyFromRow)
    },

    async rewrap(id, wrapped) {
      await tables.updateTable('secret_key').set({ wrapped }).where('id', '=', id).execute()
    },

    async removeRetired(before) {
      await tables.deleteFrom('secret_key').where('retired_at', '<', before).execute()
    },
  }
}

async function put(tx: Transaction<SecretTables>, secret: SealedSecret): Promise<boolean> {
  const { project = '', name, version, sealed, setAt, setBy } = secret
  const value = { version, sealed, set_at: setAt, set_by: setBy, used_at: null, used_by: null }
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('secret')
    .values({ project, name, ...value })
    .onConflict(conflict =>
      conflict
        .columns(['project', 'name'])
        .doUpdateSet(value)
        .where('secret.version', '=', version - 1),
    )
    .executeTakeFirstOrThrow()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

async function addKey(
  tx: Transaction<SecretTables>,
  { id, project, wrapped, createdAt }: DataKey,
  former: string | undefined,
): Promise<boolean> {
  if (former !== undefined) {
    const { numUpdatedRows } = await tx
      .updateTable('secret_key')
      .set({ retired_at: createdAt })
      .where('id', '=', former)
      .where('retired_at', 'is', null)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) return false
  }
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('secret_key')
    .values({ id, project, wrapped, created_at: createdAt, retired_at: null })
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

const fromRow = (row: SecretRow): Secret => ({
  ...(row.project !== '' && { project: row.project }),
  name: row.name,
  version: row.version,
  setAt: row.set_at as Millis,
  setBy: row.set_by,
  ...(row.used_at !== null && { usedAt: row.used_at as Millis }),
  ...(row.used_by !== null && { usedBy: row.used_by }),
})

const keyFromRow = (row: KeyRow): DataKey => ({
  id: row.id,
  project: row.project,
  wrapped: row.wrapped,
  createdAt: row.created_at as Millis,
  ...(row.retired_at !== null && { retiredAt: row.retired_at as Millis }),
})
