import { z } from 'zod'
import { changeUser, requireSelfOrAdmin, type Access } from '#access'
import { notFound } from '#kernel/error.ts'
import { flag } from './field.ts'
import type { Declare } from './route.ts'

const Named = z.object({ username: z.string().max(200) })

/** Users as MLflow's app for basic authentication has them: an administrator is who is admin in every project. */
export const userCalls =
  ({ access }: { readonly access: Access }) =>
  (declare: Declare): void => {
    readCalls(access, declare)
    changeCalls(access, declare)
  }

function readCalls(access: Access, declare: Declare): void {
  const { users } = access
  declare({
    method: 'GET',
    path: '2.0/mlflow/users/get',
    input: Named,
    // Oneself, or any as an administrator.
    may: 'anyone',
    async handle({ username }, { caller }) {
      requireSelfOrAdmin(caller, username)
      return { user: await wholeJson(access, username) }
    },
  })
  declare({
    method: 'GET',
    path: '2.0/mlflow/users/current',
    input: z.object({}),
    may: 'anyone',
    async handle(_, { caller }) {
      if (caller.user === undefined) throw notFound('user', caller.name)
      const { user } = await users.get(caller.user)
      return { user: plainJson(user), is_basic_auth: !caller.byToken }
    },
  })
  declare({
    method: 'GET',
    path: '2.0/mlflow/users/list',
    input: z.object({}),
    may: 'admin',
    async handle() {
      const found: object[] = []
      for (let after: string | undefined, more = true; more; more = after !== undefined) {
        const page = await users.list({ limit: 500, after })
        for (const user of page.items) found.push({ ...plainJson(user), roles: [] })
        after = page.next
      }
      return { users: found }
    },
  })
}

function changeCalls(access: Access, declare: Declare): void {
  const { users } = access
  declare({
    method: 'POST',
    path: '2.0/mlflow/users/create',
    input: Named.extend({ password: z.string() }),
    may: 'admin',
    async handle({ username, password }) {
      await users.create({ name: username, password })
      return { user: await wholeJson(access, username) }
    },
  })
  declare({
    method: 'PATCH',
    path: '2.0/mlflow/users/update-password',
    input: Named.extend({ password: z.string(), current_password: z.string().optional() }),
    may: 'anyone',
    async handle({ username, password, current_password }, { caller }) {
      await changeUser(access, caller, { name: username, password, currentPassword: current_password })
      return {}
    },
  })
  declare({
    method: 'PATCH',
    path: '2.0/mlflow/users/update-admin',
    input: Named.extend({ is_admin: flag }),
    may: 'admin',
    async handle({ username, is_admin }) {
      const { user } = await users.get(username)
      if (is_admin !== (user.role === 'admin')) await users.update(username, { role: is_admin ? 'admin' : null })
      return {}
    },
  })
  declare({
    method: 'DELETE',
    path: '2.0/mlflow/users/delete',
    input: Named,
    may: 'admin',
    async handle({ username }) {
      await users.remove(username)
      return {}
    },
  })
}

const plainJson = ({ number, name, role }: { number: number; name: string; role?: string }) => ({
  id: number,
  username: name,
  is_admin: role === 'admin',
})

/** With the permissions on single things, which older clients read from here. */
async function wholeJson({ users, grants }: Access, name: string): Promise<object> {
  const { user } = await users.get(name)
  const all = await grants.of(name)
  const of = (kind: string, fields: (id: string) => object): object[] =>
    all
      .filter(grant => grant.kind === kind)
      .map(({ id, level }) => ({ ...fields(id), user_id: user.number, permission: level }))
  return {
    ...plainJson(user),
    experiment_permissions: of('experiment', experiment_id => ({ experiment_id })),
    registered_model_permissions: of('registered_model', name => ({ name })),
    scorer_permissions: of('scorer', id => {
      const [experiment_id, ...scorer] = id.split('/')
      return { experiment_id, scorer_name: scorer.join('/') }
    }),
  }
}
