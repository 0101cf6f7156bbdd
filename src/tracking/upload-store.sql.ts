import type { Digest } from '#kernel/digest.ts'
import { inside, type Db } from '#storage'
import type { ArtifactTables } from './artifact-tables.ts'
import type { UploadStore } from './upload-store.ts'

/** Uploads in SQL: one text for SQLite and PostgreSQL. */
export function sqlUploadStore(db: Db): UploadStore {
  const tables = db.withTables<ArtifactTables>()

  return {
    async insert({ expiresAt, ...upload }) {
      await tables
        .insertInto('artifact_upload')
        .values({ ...upload, expires_at: expiresAt })
        .execute()
    },

    async find(id) {
      const row = await tables.selectFrom('artifact_upload').selectAll().where('id', '=', id).executeTakeFirst()
      if (!row) return undefined
      const { expires_at, ...upload } = row
      return { ...upload, expiresAt: expires_at }
    },

    async putPart(upload, { number, digest, size }) {
      await tables
        .insertInto('artifact_upload_part')
        .values({ upload, number, digest, size })
        .onConflict(c => c.columns(['upload', 'number']).doUpdateSet({ digest, size }))
        .execute()
    },

    async parts(id) {
      const rows = await tables
        .selectFrom('artifact_upload_part')
        .select(['number', 'digest', 'size'])
        .where('upload', '=', id)
        .orderBy('number')
        .execute()
      return rows.map(row => ({ ...row, digest: row.digest as Digest }))
    },

    async complete(tx, id) {
      await inside<ArtifactTables>(tx)
        .updateTable('artifact_upload')
        .set({ state: 'complete' })
        .where('id', '=', id)
        .execute()
    },

    async remove(id) {
      await tables.transaction().execute(async tx => {
        await tx.deleteFrom('artifact_upload_part').where('upload', '=', id).execute()
        await tx.deleteFrom('artifact_upload').where('id', '=', id).execute()
      })
    },

    async expired(at, limit) {
      const rows = await tables
        .selectFrom('artifact_upload')
        .select('id')
        .where('expires_at', '<', at)
        .orderBy('expires_at')
        .limit(limit)
        .execute()
      return rows.map(row => row.id)
    },
  }
}
