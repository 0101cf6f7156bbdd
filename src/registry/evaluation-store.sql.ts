import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { inside, type Db } from '#storage'
import type { EvaluationRecord, EvaluationStore } from './store.ts'
import type { RegistryTables } from './tables.ts'

export function sqlEvaluations(db: Db): EvaluationStore {
  const tables = db.withTables<RegistryTables>()
  return {
    async putEvaluation(tx, record) {
      const own = inside<RegistryTables>(tx)
      await own
        .insertInto('registry_evaluation')
        .values(toRow(record))
        .onConflict(c => c.column('key').doNothing())
        .execute()
      const row = await own
        .selectFrom('registry_evaluation')
        .selectAll()
        .where('key', '=', record.key)
        .executeTakeFirstOrThrow()
      return fromRow(row)
    },

    async findEvaluation(project, digest) {
      const query = tables
        .selectFrom('registry_evaluation')
        .selectAll()
        .where('project', '=', project)
        .where('digest', '=', digest)
      const row = await query.orderBy('id', 'desc').limit(1).executeTakeFirst()
      return row && fromRow(row)
    },

    async evaluationByKey(key) {
      const row = await tables.selectFrom('registry_evaluation').selectAll().where('key', '=', key).executeTakeFirst()
      return row && fromRow(row)
    },
  }
}

const toRow = ({
  modelDigest,
  signature,
  evaluation,
  trainingSet,
  createdAt,
  ...same
}: EvaluationRecord): RegistryTables['registry_evaluation'] => ({
  ...same,
  model_digest: modelDigest,
  signature: JSON.stringify(signature),
  evaluation: JSON.stringify(evaluation),
  training_set: trainingSet ?? null,
  created_at: createdAt,
})

const fromRow = (row: Selectable<RegistryTables['registry_evaluation']>): EvaluationRecord => ({
  id: row.id as EvaluationRecord['id'],
  key: row.key,
  project: row.project,
  model: row.model,
  modelDigest: row.model_digest as Digest,
  digest: row.digest as Digest,
  signature: JSON.parse(row.signature),
  evaluation: JSON.parse(row.evaluation),
  ...(row.training_set !== null && { trainingSet: row.training_set }),
  createdAt: row.created_at as Millis,
})
