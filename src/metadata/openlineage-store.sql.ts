import { inside, type Db } from '#storage'
import { isDigest } from './openlineage.ts'
import type { OpenLineageStore } from './store.ts'
import type { LedgerTables } from './tables.ts'

/** Both engines bind far more, but a statement per few hundred keys plans and caches well. */
const keysPerStatement = 500

export function sqlOpenLineageStore(db: Db): OpenLineageStore {
  const tables = db.withTables<LedgerTables>()
  return {
    async insertEvent(tx, key, at) {
      const { numInsertedOrUpdatedRows } = await inside<LedgerTables>(tx)
        .insertInto('openlineage_event')
        .values({ key, at })
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },

    async findReferences(keys) {
      const found = new Map<string, { id: string; project: string }>()
      for (let start = 0; start < keys.length; start += keysPerStatement) {
        const part = keys.slice(start, start + keysPerStatement)
        const digests = part.filter(isDigest)
        if (digests.length > 0) {
          const rows = await tables
            .selectFrom('node_digest')
            .innerJoin('node', 'node.number', 'node_digest.node')
            .select(['digest', 'id', 'project'])
            .where('digest', 'in', digests)
            .orderBy('at')
            .execute()
          for (const { digest, ...node } of rows) found.set(digest, node)
        }
        const rows = await tables
          .selectFrom('node')
          .select(['id', 'project'])
          .where('id', 'in', part)
          .where('kind', '<>', '')
          .execute()
        for (const row of rows) found.set(row.id, row)
      }
      return found
    },
  }
}
