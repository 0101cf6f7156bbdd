import { testEngines } from '#storage/testing.ts'
import { artifactMigrations } from './artifact-tables.ts'
import { uploadStoreContract } from './upload-store.contract.ts'
import { sqlUploadStore } from './upload-store.sql.ts'

for (const { name, open } of testEngines()) {
  uploadStoreContract(name, async t => {
    const db = await open(t, artifactMigrations)
    return { db, store: sqlUploadStore(db) }
  })
}
