import { sql, type Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import type { Db } from '#storage'
import type { Role } from './role.ts'
import type { Account, UserStore } from './store.ts'
import type { AccessTables } from './tables.ts'
import type { Grant, User } from './user.ts'

/** Users in SQL: one text for SQLite and PostgreSQL. */
export function sqlUserStore(db: Db): UserStore {
  const tables = db.withTables<AccessTables>()

  const accountRows = () =>
    tables
      .selectFrom('app_user')
      .leftJoin('project_member', 'project_member.user_name', 'app_user.name')
      .selectAll('app_user')
      .select(['project_member.project', 'project_member.role as project_role'])

  const putGrant = (grant: Grant, replace: boolean) =>
    tables
      .insertInto('access_grant')
      .values(toGrantRow(grant))
      .onConflict(conflict => {
        const key = conflict.columns(['user_name', 'kind', 'thing'])
        return replace ? key.doUpdateSet({ level: grant.level, project: grant.project }) : key.doNothing()
      })
      .executeTakeFirst()

  return {
    async insert({ name, password, role, createdAt }) {
      // Whoever is overtaken by another insertion finds its number taken, and takes the next.
      while (true) {
        const row = await tables
          .insertInto('app_user')
          .values(eb => ({
            name,
            number: eb
              .selectFrom('app_user as other')
              .select(sql<number>`coalesce(max(other.number), 0) + 1`.as('next')),
            password: password ?? null,
            role: role ?? null,
            created_at: createdAt,
          }))
          .onConflict(conflict => conflict.doNothing())
          .returningAll()
          .executeTakeFirst()
        if (row) return fromUserRow(row)
        if (await tables.selectFrom('app_user').select('name').where('name', '=', name).executeTakeFirst())
          return undefined
      }
    },

    account: async name => toAccounts(await accountRows().where('app_user.name', '=', name).execute())[0],

    holders: async () =>
      toAccounts(
        await accountRows()
          .where(eb =>
            eb.exists(eb.selectFrom('token').select('token.id').whereRef('token.user_name', '=', 'app_user.name')),
          )
          .execute(),
      ),

    async list({ limit, after }) {
      let query = tables
        .selectFrom('app_user')
        .selectAll()
        .orderBy('name')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('name', '>', after)
      return toPage((await query.execute()).map(fromUserRow), limit, user => user.name)
    },

    async update(name, { password, role }) {
      const { numUpdatedRows } = await tables
        .updateTable('app_user')
        .set({ name, ...(password !== undefined && { password }), ...(role !== undefined && { role }) })
        .where('name', '=', name)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async remove(name) {
      const { numDeletedRows } = await tables.deleteFrom('app_user').where('name', '=', name).executeTakeFirst()
      return numDeletedRows === 1n
    },

    async putMember({ user, project, role }) {
      await tables
        .insertInto('project_member')
        .values({ user_name: user, project, role })
        .onConflict(conflict => conflict.columns(['user_name', 'project']).doUpdateSet({ role }))
        .execute()
    },

    removeMember: (user, project) =>
      tables.transaction().execute(async tx => {
        const removed = [
          await tx.deleteFrom('project_member').where('user_name', '=', user).where('project', '=', project).execute(),
          await tx.deleteFrom('access_grant').where('user_name', '=', user).where('project', '=', project).execute(),
        ]
        return removed.flat().some(({ numDeletedRows }) => numDeletedRows > 0n)
      }),

    async members(project, { limit, after }) {
      let query = tables
        .selectFrom('project_member')
        .selectAll()
        .where('project', '=', project)
        .orderBy('user_name')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('user_name', '>', after)
      const found = (await query.execute()).map(row => ({ user: row.user_name, project, role: row.role as Role }))
      return toPage(found, limit, ({ user }) => user)
    },

    insertGrant: async grant => (await putGrant(grant, false)).numInsertedOrUpdatedRows === 1n,
    putGrant: async grant => void (await putGrant(grant, true)),

    async grant(user, { kind, id }) {
      const row = await tables
        .selectFrom('access_grant')
        .selectAll()
        .where('user_name', '=', user)
        .where('kind', '=', kind)
        .where('thing', '=', id)
        .executeTakeFirst()
      return row && fromGrantRow(row)
    },

    async removeGrant(user, { kind, id }) {
      const { numDeletedRows } = await tables
        .deleteFrom('access_grant')
        .where('user_name', '=', user)
        .where('kind', '=', kind)
        .where('thing', '=', id)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },

    async grants(user) {
      const rows = await tables.selectFrom('access_grant').selectAll().where('user_name', '=', user).execute()
      return rows.map(fromGrantRow)
    },

    async moveGrants({ kind, id }, to) {
      if (to === id) return
      await tables.transaction().execute(async tx => {
        const stale = to ?? id
        await tx.deleteFrom('access_grant').where('kind', '=', kind).where('thing', '=', stale).execute()
        if (to !== undefined)
          await tx
            .updateTable('access_grant')
            .set({ thing: to })
            .where('kind', '=', kind)
            .where('thing', '=', id)
            .execute()
      })
    },
  }
}

type AccountRow = Selectable<AccessTables['app_user']> & {
  readonly project: string | null
  readonly project_role: string | null
}

/** One row for each role in a project, or one without. */
function toAccounts(rows: readonly AccountRow[]): readonly Account[] {
  return [...Map.groupBy(rows, ({ name }) => name).values()].map(own => {
    const [row] = own
    const memberships = own.flatMap(({ project, project_role }) =>
      project === null ? [] : [[project, project_role as Role] as const],
    )
    return {
      user: fromUserRow(row!),
      ...(row!.password !== null && { password: row!.password }),
      roles: new Map(memberships),
    }
  })
}

const fromUserRow = (row: Selectable<AccessTables['app_user']>): User => ({
  name: row.name,
  number: row.number,
  ...(row.role !== null && { role: row.role as Role }),
  hasPassword: row.password !== null,
  createdAt: row.created_at as Millis,
})

const toGrantRow = ({ user, project, kind, id, level }: Grant): AccessTables['access_grant'] => ({
  user_name: user,
  project,
  kind,
  thing: id,
  level,
})

const fromGrantRow = ({ user_name, thing, ...row }: Selectable<AccessTables['access_grant']>): Grant => ({
  user: user_name,
  project: row.project,
  kind: row.kind as Grant['kind'],
  id: thing,
  level: row.level as Grant['level'],
})
