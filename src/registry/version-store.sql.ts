import { alreadyExists } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { toPage } from '#kernel/page.ts'
import { inside, type AnyTx, type Db } from '#storage'
import type { EvaluatedVersion, ModelVersion } from './model-version.ts'
import { fullNameOf } from './registered-model.ts'
import { searchVersionRows } from './search.sql.ts'
import type { VersionDraft, VersionStore } from './store.ts'
import type { RegistryTables } from './tables.ts'
import { completeVersions, selectVersions, taggedVersions, toRow, type VersionRow } from './version-row.sql.ts'

export function sqlVersions(db: Db): VersionStore {
  const tables = db.withTables<RegistryTables>()
  const own = inside<RegistryTables>
  const alive = () =>
    selectVersions(tables)
      .where('registry_version.deleted_at', 'is', null)
      .where('registry_model.deleted_at', 'is', null)
  const one = async (rows: Promise<readonly VersionRow[]>): Promise<ModelVersion | undefined> =>
    (await completeVersions(tables, await rows))[0]

  return {
    async append(tx, draft) {
      const model = await nextNumber(tx, draft)
      const place = { model: model.id, version: model.last_version }
      await insertVersion(tx, draft, place)
      const { key: _, ...fields } = draft
      return {
        ...fields,
        fullName: model.full_name,
        version: place.version,
        aliases: [],
        transitions: [],
        updatedAt: draft.createdAt,
      }
    },

    async put(tx, place, draft) {
      await insertVersion(tx, draft, place)
      await own(tx)
        .updateTable('registry_model')
        .set({ last_version: place.version })
        .where('id', '=', place.model)
        .where('last_version', '<', place.version)
        .execute()
    },

    async setUpdated(tx, id, at) {
      await own(tx).updateTable('registry_version').set({ updated_at: at }).where('id', '=', id).execute()
    },

    async move(tx, id, { id: transition, from, to, digest, ...rest }) {
      const change = { stage: to, updated_at: rest.at }
      await own(tx).updateTable('registry_version').set(change).where('id', '=', id).execute()
      await own(tx)
        .insertInto('registry_transition')
        .values({ id: transition, version: id, from_stage: from, to_stage: to, digest: digest ?? null, ...rest })
        .execute()
    },

    async describe(tx, id, description, at) {
      await own(tx).updateTable('registry_version').set({ description, updated_at: at }).where('id', '=', id).execute()
    },

    async remove(tx, id, at) {
      await own(tx).deleteFrom('registry_alias').where('version', '=', id).execute()
      await own(tx)
        .updateTable('registry_version')
        .set({ deleted_at: at, updated_at: at })
        .where('id', '=', id)
        .execute()
    },

    async setVersionTag(tx, version, key, value) {
      await own(tx)
        .insertInto('registry_version_tag')
        .values({ version, key, value })
        .onConflict(c => c.columns(['version', 'key']).doUpdateSet({ value }))
        .execute()
    },

    async removeVersionTag(tx, version, key) {
      const { numDeletedRows } = await own(tx)
        .deleteFrom('registry_version_tag')
        .where('version', '=', version)
        .where('key', '=', key)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async findIn(tx, id) {
      const rows = await selectVersions(own(tx)).where('registry_version.id', '=', id).execute()
      return (await completeVersions(own(tx), rows))[0]
    },

    async inStage(tx, model, stage) {
      const rows = await selectVersions(own(tx))
        .where('model_id', '=', model)
        .where('stage', '=', stage)
        .where('registry_version.deleted_at', 'is', null)
        .orderBy('version')
        .execute()
      return completeVersions(own(tx), rows)
    },

    find: id => one(selectVersions(tables).where('registry_version.id', '=', id).execute()),
    byKey: key => one(selectVersions(tables).where('key', '=', key).execute()),
    byNumber: (model, version) => one(alive().where('model_id', '=', model).where('version', '=', version).execute()),
    byAlias: (model, alias) =>
      one(
        alive()
          .innerJoin('registry_alias', 'registry_alias.version', 'registry_version.id')
          .where('registry_alias.model_id', '=', model)
          .where('alias', '=', alias)
          .execute(),
      ),

    async production(project, model) {
      const found = alive()
        .where('registry_model.project', '=', project)
        .where('registry_model.name', '=', model)
        .where('stage', '=', 'production')
        .where('evaluation', 'is not', null)
      return (await one(found.execute())) as EvaluatedVersion | undefined
    },

    async list(project, model, { limit, after }) {
      let query = alive()
        .where('registry_model.project', '=', project)
        .where('registry_model.name', '=', model)
        .orderBy('version', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('version', '<', Number(after))
      return toPage(await completeVersions(tables, await query.execute()), limit, ({ version }) => String(version))
    },

    async latest(models) {
      if (models.length === 0) return []
      const newest = tables
        .selectFrom('registry_version')
        .select(eb => ['model_id', 'stage', eb.fn.max('version').as('version')])
        .where('model_id', 'in', models)
        .where('deleted_at', 'is', null)
        .groupBy(['model_id', 'stage'])
        .as('newest')
      const rows = await selectVersions(tables)
        .innerJoin(newest, join =>
          join
            .onRef('newest.model_id', '=', 'registry_version.model_id')
            .onRef('newest.version', '=', 'registry_version.version'),
        )
        .orderBy('registry_version.version')
        .execute()
      const versions = await taggedVersions(tables, rows)
      return versions.map((version, i) => ({ ...version, modelId: rows[i]!.model_id }))
    },

    async usage() {
      const rows = await tables
        .selectFrom('registry_version as v')
        .innerJoin('registry_model as m', 'm.id', 'v.model_id')
        .select(eb => ['m.project', eb.fn.countAll<number>().as('files'), eb.fn.sum<number>('v.bytes').as('bytes')])
        .where('v.bytes', 'is not', null)
        .where('v.deleted_at', 'is', null)
        .where('m.deleted_at', 'is', null)
        .groupBy('m.project')
        .execute()
      return rows.map(row => ({ ...row }))
    },

    async searchVersions(search) {
      const { rows, tokens } = await searchVersionRows(tables, search)
      const versions = await taggedVersions(tables, rows)
      return versions.map((row, i) => ({ row, token: tokens[i]! }))
    },
  }
}

async function insertVersion(
  tx: AnyTx,
  draft: VersionDraft,
  place: { readonly model: string; readonly version: number },
): Promise<void> {
  const own = inside<RegistryTables>(tx)
  await own.insertInto('registry_version').values(toRow(draft, place)).execute()
  for (const [key, value] of Object.entries(draft.tags))
    await own.insertInto('registry_version_tag').values({ version: draft.id, key, value }).execute()
}

/** Takes the model's next number, holding its row until the transaction ends. */
async function nextNumber(
  tx: AnyTx,
  { project, model: name, user, createdAt, evaluation }: VersionDraft,
): Promise<{ id: string; full_name: string; last_version: number }> {
  const full_name = fullNameOf(project, name)
  const other = await inside<RegistryTables>(tx)
    .selectFrom('registry_model')
    .select('id')
    .where('full_name', '=', full_name)
    .where('deleted_at', 'is', null)
    .where(eb => eb.or([eb('project', '!=', project), eb('name', '!=', name)]))
    .executeTakeFirst()
  if (other) throw alreadyExists('Registered Model', full_name)
  const gated = evaluation ? 1 : 0
  const own = inside<RegistryTables>(tx)
  // Two that are the first at once meet at either of two unique indexes: whoever comes second makes nothing.
  await own
    .insertInto('registry_model')
    .values({
      id: newId('mdl'),
      project,
      name,
      full_name,
      description: '',
      user_name: user,
      gated,
      last_version: 0,
      created_at: createdAt,
      updated_at: createdAt,
      deleted_at: null,
    })
    .onConflict(c => c.doNothing())
    .execute()
  return own
    .updateTable('registry_model')
    .set(eb => ({
      last_version: eb('last_version', '+', 1),
      updated_at: createdAt,
      ...(gated === 1 && { gated }),
    }))
    .where('project', '=', project)
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .returning(['id', 'full_name', 'last_version'])
    .executeTakeFirstOrThrow()
}
