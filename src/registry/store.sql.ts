import type { Db } from '#storage'
import { sqlEvaluations } from './evaluation-store.sql.ts'
import { sqlRegisteredModels } from './registered-model-store.sql.ts'
import type { ModelStore } from './store.ts'
import { sqlVersions } from './version-store.sql.ts'

/** Models in SQL: one text for SQLite and PostgreSQL. */
export const sqlModelStore = (db: Db): ModelStore => ({
  ...sqlEvaluations(db),
  ...sqlVersions(db),
  ...sqlRegisteredModels(db),
})
