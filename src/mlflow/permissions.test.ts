import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { accessMigrations, createAccess, guard, sqlTokenStore, sqlUserStore } from '#access'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { testEngines } from '#storage/testing.ts'
import { permissionCalls } from './permissions.ts'
import { mlflowRoutes } from './routes.ts'
import { userCalls } from './users.ts'

const password = 'correct horse'
type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** Experiment 5 and the model `rain.m` are of the project `rain`. `root` administers, `ada` and `eve` are users. */
async function open(t: TestContext) {
  const db = await testEngines().at(-1)!.open(t, accessMigrations)
  const access = createAccess({ tokens: sqlTokenStore(db), users: sqlUserStore(db), clock: manualClock(1_000) })
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  guard(app, { access, host: '0.0.0.0' })
  const experiments = {
    get: async (id: string) => {
      if (id !== '5') throw notFound('experiment', id)
      return { project: 'rain' }
    },
  }
  const models = {
    place: async (said: string) => ({ project: 'rain', name: 'm', said, fullName: 'rain.m' }),
    get: async () => ({ project: 'rain', fullName: 'rain.m' }) as never,
  }
  mlflowRoutes(app, [userCalls({ access }), permissionCalls({ access, experiments, models })])
  await access.users.create({ name: 'root', password, role: 'admin' })
  for (const name of ['ada', 'eve']) await access.users.create({ name, password })
  const as =
    (user: string, secret = password) =>
    async (method: Method, path: string, said: object) => {
      const query = method === 'GET' ? `?${new URLSearchParams(said as Record<string, string>).toString()}` : ''
      const answer = await app.inject({
        method,
        url: `/api/${path}${query}`,
        headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` },
        ...(method !== 'GET' && { payload: said }),
      })
      return answer.statusCode === 200 ? answer.json() : [answer.statusCode, answer.json().error_code]
    }
  return { access, as, root: as('root'), ada: as('ada'), eve: as('eve') }
}

test('an administrator makes, changes and removes users, as the client of MLflow asks', async t => {
  const { root, as } = await open(t)
  const username = 'new'
  const user = { id: 4, username, is_admin: false }
  const none = { experiment_permissions: [], registered_model_permissions: [], scorer_permissions: [] }

  assert.deepEqual(await root('POST', '2.0/mlflow/users/create', { username, password }), {
    user: { ...user, ...none },
  })
  assert.deepEqual(await root('POST', '2.0/mlflow/users/create', { username, password }), [
    400,
    'RESOURCE_ALREADY_EXISTS',
  ])
  assert.deepEqual(await root('PATCH', '2.0/mlflow/users/update-admin', { username, is_admin: true }), {})
  assert.deepEqual(await as(username)('GET', '2.0/mlflow/users/current', {}), {
    user: { ...user, is_admin: true },
    is_basic_auth: true,
  })
  assert.deepEqual(await root('PATCH', '2.0/mlflow/users/update-admin', { username, is_admin: false }), {})
  assert.deepEqual(await root('PATCH', '2.0/mlflow/users/update-password', { username, password: 'another horse' }), {})
  assert.deepEqual(await as(username)('GET', '2.0/mlflow/users/current', {}), [401, 'UNAUTHENTICATED'])
  assert.deepEqual(await as(username, 'another horse')('GET', '2.0/mlflow/users/get', { username }), {
    user: { ...user, ...none },
  })
  assert.deepEqual(
    (await root('GET', '2.0/mlflow/users/list', {})).users.map((each: { username: string }) => each.username),
    ['ada', 'eve', 'new', 'root'],
  )
  assert.deepEqual(await root('DELETE', '2.0/mlflow/users/delete', { username }), {})
  assert.deepEqual(await root('GET', '2.0/mlflow/users/get', { username }), [404, 'RESOURCE_DOES_NOT_EXIST'])
})

test('others see and change themselves alone, and change a password only with the old one', async t => {
  const { ada, as } = await open(t)
  const refused = [403, 'PERMISSION_DENIED']
  const change = (username: string, more: object): Promise<unknown> =>
    ada('PATCH', '2.0/mlflow/users/update-password', { username, password: 'another horse', ...more })

  assert.deepEqual(await ada('POST', '2.0/mlflow/users/create', { username: 'x', password }), refused)
  assert.deepEqual(await ada('PATCH', '2.0/mlflow/users/update-admin', { username: 'ada', is_admin: true }), refused)
  assert.deepEqual(await ada('DELETE', '2.0/mlflow/users/delete', { username: 'eve' }), refused)
  assert.deepEqual(await ada('GET', '2.0/mlflow/users/list', {}), refused)
  assert.deepEqual(await ada('GET', '2.0/mlflow/users/get', { username: 'eve' }), refused)
  assert.deepEqual(await change('eve', { current_password: password }), refused)
  assert.deepEqual(await change('ada', { current_password: 'wrong' }), refused)
  assert.deepEqual(await change('ada', { current_password: password }), {})
  assert.equal((await as('ada', 'another horse')('GET', '2.0/mlflow/users/current', {})).user.username, 'ada')
})

const families = [
  { path: '2.0/mlflow/experiments/permissions', thing: { experiment_id: '5' }, key: 'experiment_permission' },
  { path: '2.0/mlflow/registered-models/permissions', thing: { name: 'rain.m' }, key: 'registered_model_permission' },
  {
    path: '3.0/mlflow/scorers/permissions',
    thing: { experiment_id: '5', scorer_name: 'a/b' },
    key: 'scorer_permission',
  },
]
for (const { path, thing, key } of families) {
  test(`${path}: who manages the thing grants, sees, changes and takes away`, async t => {
    const { root, ada, eve, access } = await open(t)
    const of = (username: string, permission?: string) => ({ ...thing, username, ...(permission && { permission }) })
    const answered = (permission: string) => ({ [key]: { ...thing, user_id: 2, permission } })

    assert.deepEqual(await eve('POST', `${path}/create`, of('eve', 'MANAGE')), [404, 'RESOURCE_DOES_NOT_EXIST'])
    assert.deepEqual(await root('POST', `${path}/create`, of('ada', 'READ')), answered('READ'))
    assert.deepEqual(await root('POST', `${path}/create`, of('ada', 'READ')), [400, 'RESOURCE_ALREADY_EXISTS'])
    assert.deepEqual(await ada('GET', `${path}/get`, of('ada')), [403, 'PERMISSION_DENIED'])
    assert.deepEqual(await root('PATCH', `${path}/update`, of('ada', 'MANAGE')), {})
    assert.deepEqual(await ada('GET', `${path}/get`, of('ada')), answered('MANAGE'))
    assert.deepEqual(await ada('PATCH', `${path}/update`, of('eve', 'EDIT')), [404, 'RESOURCE_DOES_NOT_EXIST'])
    assert.deepEqual(await ada('POST', `${path}/create`, of('nobody', 'EDIT')), [404, 'RESOURCE_DOES_NOT_EXIST'])
    assert.deepEqual(await ada('POST', `${path}/create`, of('eve', 'OWN')), [400, 'INVALID_PARAMETER_VALUE'])
    assert.equal((await access.grants.of('ada')).length, 1)
    assert.deepEqual(await ada('DELETE', `${path}/delete`, of('ada')), {})
    assert.deepEqual(await ada('GET', `${path}/get`, of('ada')), [404, 'RESOURCE_DOES_NOT_EXIST'])
  })
}

test('newer clients grant on any kind of thing, and members of a workspace are editors of the project', async t => {
  const { root, access } = await open(t)
  const path = '3.0/mlflow/users/permissions'
  const said = { username: 'ada', resource_type: 'experiment', resource_id: '5' }
  const workspace = { username: 'ada', resource_type: 'workspace', resource_id: 'rain' }

  assert.deepEqual(await root('GET', `${path}/get`, said), { allowed: false, permission: 'NO_PERMISSIONS' })
  await root('POST', `${path}/grant`, { ...said, permission: 'READ' })
  await root('POST', `${path}/grant`, { ...said, permission: 'USE' })
  assert.deepEqual(await root('GET', `${path}/get`, said), { allowed: true, permission: 'USE' })
  await root('POST', `${path}/grant`, { ...workspace, permission: 'MANAGE' })
  assert.deepEqual([...(await access.users.get('ada')).roles], [['rain', 'admin']])
  assert.deepEqual(await root('GET', `${path}/get`, said), { allowed: true, permission: 'MANAGE' })
  await root('POST', `${path}/grant`, { ...workspace, permission: 'USE' })
  assert.deepEqual([...(await access.users.get('ada')).roles], [['rain', 'editor']])
  assert.deepEqual(await root('POST', `${path}/grant`, { ...workspace, permission: 'READ' }), [
    400,
    'INVALID_PARAMETER_VALUE',
  ])
  await root('POST', `${path}/grant`, { ...said, permission: 'DENY' })
  assert.deepEqual(await root('GET', `${path}/get`, said), { allowed: false, permission: 'NO_PERMISSIONS' })
  await root('POST', `${path}/revoke`, said)
  assert.deepEqual(await root('GET', `${path}/get`, said), { allowed: true, permission: 'EDIT' })
  await root('POST', `${path}/revoke`, workspace)
  assert.deepEqual(await root('POST', `${path}/revoke`, workspace), [404, 'RESOURCE_DOES_NOT_EXIST'])
})
