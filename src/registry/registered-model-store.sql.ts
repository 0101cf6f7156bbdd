import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'
import { inside, type AnyTx, type Db } from '#storage'
import type { AliasMove, Model } from './model-version.ts'
import type { RegisteredModel } from './registered-model.ts'
import { searchModelRows } from './search.sql.ts'
import type { ModelChange, ModelDraft, RegisteredModelStore } from './store.ts'
import type { RegistryTables } from './tables.ts'
import { completeVersions, selectVersions, type Reader } from './version-row.sql.ts'

type ModelRow = Selectable<RegistryTables['registry_model']>

export function sqlRegisteredModels(db: Db): RegisteredModelStore {
  const tables = db.withTables<RegistryTables>()
  const own = inside<RegistryTables>
  const alive = () => tables.selectFrom('registry_model').selectAll().where('deleted_at', 'is', null)

  return {
    createModel: (tx, draft) => createModel(tx, draft),

    async lock(tx, project, name) {
      const rows = await own(tx)
        .updateTable('registry_model')
        .set(eb => ({ last_version: eb.ref('last_version') }))
        .where('project', '=', project)
        .where('name', '=', name)
        .where('deleted_at', 'is', null)
        .returningAll()
        .execute()
      return (await completeModels(own(tx), rows))[0]
    },

    changeModel: (tx, id, change) => changeModel(tx, id, change),

    async setModelTag(tx, model_id, key, value) {
      await own(tx)
        .insertInto('registry_model_tag')
        .values({ model_id, key, value })
        .onConflict(c => c.columns(['model_id', 'key']).doUpdateSet({ value }))
        .execute()
    },

    async removeModelTag(tx, id, key) {
      const { numDeletedRows } = await own(tx)
        .deleteFrom('registry_model_tag')
        .where('model_id', '=', id)
        .where('key', '=', key)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async moveAlias(tx, model_id, version, { id, alias, from, to, actor, reason, digest, at }) {
      if (version === undefined)
        await own(tx).deleteFrom('registry_alias').where('model_id', '=', model_id).where('alias', '=', alias).execute()
      else
        await own(tx)
          .insertInto('registry_alias')
          .values({ model_id, alias, version })
          .onConflict(c => c.columns(['model_id', 'alias']).doUpdateSet({ version }))
          .execute()
      await own(tx)
        .insertInto('registry_alias_move')
        .values({
          id,
          model_id,
          alias,
          from_version: from ?? null,
          to_version: to ?? null,
          actor,
          reason,
          digest: digest ?? null,
          at,
        })
        .execute()
    },

    async findModel(project, name) {
      const rows = await alive().where('project', '=', project).where('name', '=', name).execute()
      return (await completeModels(tables, rows))[0]
    },

    async findByFullName(fullName) {
      const rows = await alive().where('full_name', '=', fullName).execute()
      return (await completeModels(tables, rows))[0]
    },

    async aliasMoves(model, { limit, after }) {
      let query = tables
        .selectFrom('registry_alias_move')
        .selectAll()
        .where('model_id', '=', model)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromMoveRow), limit, ({ id }) => id)
    },

    models: (project, page) => listModels(tables, project, page),

    async searchModels(search) {
      const { rows, tokens } = await searchModelRows(tables, search)
      const models = await completeModels(tables, rows)
      return models.map((row, i) => ({ row, token: tokens[i]! }))
    },
  }
}

async function createModel(
  tx: AnyTx,
  { fullName, user, createdAt, tags, ...same }: ModelDraft,
): Promise<RegisteredModel | undefined> {
  const own = inside<RegistryTables>(tx)
  const row = await own
    .insertInto('registry_model')
    .values({
      ...same,
      full_name: fullName,
      user_name: user,
      gated: 0,
      last_version: 0,
      created_at: createdAt,
      updated_at: createdAt,
      deleted_at: null,
    })
    .onConflict(c => c.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) return undefined
  for (const [key, value] of Object.entries(tags))
    await own.insertInto('registry_model_tag').values({ model_id: row.id, key, value }).execute()
  return fromModelRow(row, tags, {})
}

async function changeModel(
  tx: AnyTx,
  id: string,
  { fullName, updatedAt, deletedAt, ...same }: ModelChange,
): Promise<boolean> {
  const own = inside<RegistryTables>(tx)
  if (fullName !== undefined) {
    const taken = own
      .selectFrom('registry_model')
      .select('id')
      .where('full_name', '=', fullName)
      .where('deleted_at', 'is', null)
      .where('id', '!=', id)
    if (await taken.executeTakeFirst()) return false
  }
  await own
    .updateTable('registry_model')
    .set({
      ...same,
      updated_at: updatedAt,
      ...(fullName !== undefined && { full_name: fullName }),
      ...(deletedAt !== undefined && { deleted_at: deletedAt }),
    })
    .where('id', '=', id)
    .execute()
  return true
}

/** Models with their tags and aliases, in two statements for all of them. */
async function completeModels(reader: Reader, rows: readonly ModelRow[]): Promise<readonly RegisteredModel[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await reader
    .selectFrom('registry_model_tag')
    .selectAll()
    .where('model_id', 'in', ids)
    .orderBy('key')
    .execute()
  const aliases = await reader
    .selectFrom('registry_alias')
    .innerJoin('registry_version', 'registry_version.id', 'registry_alias.version')
    .select(['registry_alias.model_id', 'alias', 'registry_version.version'])
    .where('registry_alias.model_id', 'in', ids)
    .orderBy('alias')
    .execute()
  const [tagsOf, aliasesOf] = [Map.groupBy(tags, row => row.model_id), Map.groupBy(aliases, row => row.model_id)]
  return rows.map(row =>
    fromModelRow(
      row,
      Object.fromEntries((tagsOf.get(row.id) ?? []).map(({ key, value }) => [key, value])),
      Object.fromEntries((aliasesOf.get(row.id) ?? []).map(({ alias, version }) => [alias, version])),
    ),
  )
}

/**
 * Models of a project with the newest version in production, which clients may bring there without a gate, and the newest
 * of all, in a fixed number of statements.
 */
async function listModels(tables: Reader, project: string, { limit, after }: PageRequest): Promise<Page<Model>> {
  let query = tables
    .selectFrom('registry_model')
    .selectAll()
    .where('project', '=', project)
    .where('deleted_at', 'is', null)
    .where('last_version', '>', 0)
    .orderBy('name')
    .limit(limit + 1)
  if (after !== undefined) query = query.where('name', '>', after)
  const { items, next } = toPage(await completeModels(tables, await query.execute()), limit, ({ name }) => name)
  const ids = items.map(({ id }) => id)
  if (ids.length === 0) return { items: [] }
  const newest = tables
    .selectFrom('registry_version')
    .select(eb => [
      'model_id',
      eb.fn.max('version').as('version'),
      eb.fn.max(eb.case().when('stage', '=', 'production').then(eb.ref('version')).end()).as('produced'),
    ])
    .where('model_id', 'in', ids)
    .where('deleted_at', 'is', null)
    .groupBy('model_id')
    .as('newest')
  const rows = await selectVersions(tables)
    .innerJoin(newest, 'newest.model_id', 'registry_version.model_id')
    .where('registry_version.deleted_at', 'is', null)
    .where(eb => eb('registry_version.version', 'in', [eb.ref('newest.version'), eb.ref('newest.produced')]))
    .orderBy('registry_version.version')
    .execute()
  const versions = Map.groupBy(await completeVersions(tables, rows), ({ model }) => model)
  const models = items.map(model => {
    const found = versions.get(model.name) ?? []
    const champion = found.find(({ stage }) => stage === 'production')
    const latest = found.at(-1)
    const { name, fullName, description, gated, tags, aliases } = model
    return {
      project,
      name,
      fullName,
      description,
      gated,
      versions: model.versions,
      tags: { ...tags },
      aliases: { ...aliases },
      ...(champion && { champion }),
      ...(latest && { latest }),
    }
  })
  return { items: models, ...(next !== undefined && { next }) }
}

const fromModelRow = (
  row: ModelRow,
  tags: Readonly<Record<string, string>>,
  aliases: Readonly<Record<string, number>>,
): RegisteredModel => ({
  id: row.id,
  project: row.project,
  name: row.name,
  fullName: row.full_name,
  description: row.description,
  user: row.user_name,
  gated: row.gated === 1,
  versions: row.last_version,
  tags,
  aliases,
  createdAt: row.created_at as Millis,
  updatedAt: row.updated_at as Millis,
})

const fromMoveRow = (row: Selectable<RegistryTables['registry_alias_move']>): AliasMove => ({
  id: row.id,
  alias: row.alias,
  ...(row.from_version !== null && { from: row.from_version }),
  ...(row.to_version !== null && { to: row.to_version }),
  actor: row.actor,
  reason: row.reason,
  ...(row.digest !== null && { digest: row.digest as Digest }),
  at: row.at as Millis,
})
