import type { Selectable, Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { RepositoryRecord, RepositoryStore } from './store.ts'
import type { SourceTables } from './tables.ts'

/** Repositories in SQL, one text for SQLite and PostgreSQL. */
export function sqlRepositoryStore(db: Db): RepositoryStore {
  const tables = db.withTables<SourceTables>()
  const store: RepositoryStore = {
    async findOrAdd({ id, project, createdAt }) {
      await tables
        .insertInto('repository')
        .values({ id, project, created_at: createdAt })
        .onConflict(conflict => conflict.column('project').doNothing())
        .execute()
      return (await store.find(project))!
    },

    async find(project) {
      const row = await tables.selectFrom('repository').selectAll().where('project', '=', project).executeTakeFirst()
      return row && fromRow(row)
    },

    async list(limit, after) {
      let query = tables.selectFrom('repository').selectAll().orderBy('id').limit(limit)
      if (after !== undefined) query = query.where('id', '>', after)
      return (await query.execute()).map(fromRow)
    },

    async heads(id) {
      const rows = await tables
        .selectFrom('repository_ref')
        .select(['branch', 'commit_id'])
        .where('repository', '=', id)
        .orderBy('branch')
        .execute()
      return rows.map(row => ({ branch: row.branch, commit: row.commit_id }))
    },

    moveHead: ({ id, head, before, at }, within) =>
      tables.transaction().execute(async tx => {
        const row = { repository: id, branch: head.branch, commit_id: head.commit, at }
        const moved = before === undefined ? await insert(tx, row) : await update(tx, row, before)
        if (moved) await within(tx)
        return moved
      }),
  }
  return store
}

type RefRow = SourceTables['repository_ref']

async function insert(tx: Transaction<SourceTables>, row: RefRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('repository_ref')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

async function update(tx: Transaction<SourceTables>, row: RefRow, before: string): Promise<boolean> {
  const { repository, branch } = row
  const moving = tx
    .updateTable('repository_ref')
    .set(row)
    .where('repository', '=', repository)
    .where('branch', '=', branch)
  return (await moving.where('commit_id', '=', before).executeTakeFirstOrThrow()).numUpdatedRows > 0n
}

const fromRow = (row: Selectable<SourceTables['repository']>): RepositoryRecord => ({
  id: row.id as RepositoryRecord['id'],
  project: row.project,
  createdAt: row.created_at as Millis,
})
