import { testEngines } from '#storage/testing.ts'
import { artifactStoreContract } from './artifact-store.contract.ts'
import { sqlArtifactStore } from './artifact-store.sql.ts'
import { artifactMigrations } from './artifact-tables.ts'

for (const { name, open } of testEngines()) {
  artifactStoreContract(name, async t => {
    const db = await open(t, artifactMigrations)
    return { db, store: sqlArtifactStore(db) }
  })
}
