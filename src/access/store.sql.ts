import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { Role } from './role.ts'
import type { TokenStore } from './store.ts'
import type { AccessTables } from './tables.ts'
import type { Token } from './token.ts'

/** The column is never empty: of a token that may all that its user may, it holds the role above which there is none. */
const noCap: Role = 'admin'

export function sqlTokenStore(db: Db): TokenStore {
  const tables = db.withTables<AccessTables>()
  return {
    async insert({ id, name, role, user, projects, deployments, createdAt, expiresAt }, hash) {
      await tables
        .insertInto('token')
        .values({
          id,
          name,
          role: role ?? noCap,
          hash,
          created_at: createdAt,
          expires_at: expiresAt ?? null,
          user_name: user ?? null,
          projects: projects ? JSON.stringify(projects) : null,
          deployments: deployments ? JSON.stringify(deployments) : null,
        })
        .execute()
    },
    async find(hash) {
      const row = await tables.selectFrom('token').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row && fromRow(row)
    },
    async get(id) {
      const row = await tables.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },
    async list(user) {
      let query = tables.selectFrom('token').selectAll().orderBy('id', 'desc')
      if (user !== undefined) query = query.where('user_name', '=', user)
      return (await query.execute()).map(fromRow)
    },
    async valid(now) {
      const rows = await tables
        .selectFrom('token')
        .selectAll()
        .where(eb => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .execute()
      return rows.map(row => ({ hash: row.hash, token: fromRow(row) }))
    },
    async remove(id) {
      const { numDeletedRows } = await tables.deleteFrom('token').where('id', '=', id).executeTakeFirst()
      return numDeletedRows === 1n
    },
  }
}

const fromRow = (row: Selectable<AccessTables['token']>): Token => ({
  id: row.id as Token['id'],
  name: row.name,
  ...(row.user_name !== null && row.role === noCap ? {} : { role: row.role as Role }),
  ...(row.user_name !== null && { user: row.user_name }),
  ...(row.projects !== null && { projects: JSON.parse(row.projects) as string[] }),
  ...(row.deployments !== null && { deployments: JSON.parse(row.deployments) as string[] }),
  createdAt: row.created_at as Millis,
  ...(row.expires_at !== null && { expiresAt: row.expires_at as Millis }),
})
