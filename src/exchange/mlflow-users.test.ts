import assert from 'node:assert/strict'
import { test } from 'node:test'
import { all, serving } from './mlflow-testing.ts'

const permission = (resource_type: string, resource_pattern: string, level: string) => ({
  resource_type,
  resource_pattern,
  permission: level,
})

test('of what several roles permit a user on a thing a denial counts, and else the most', async t => {
  const { source } = await serving(t, {
    'users/list': () => ({
      users: [
        { username: 'ann', is_admin: true, roles: [] },
        {
          username: 'bob',
          roles: [
            { permissions: [permission('experiment', '1', 'READ'), permission('experiment', '2', 'DENY')] },
            { permissions: [permission('experiment', '1', 'MANAGE'), permission('experiment', '2', 'MANAGE')] },
            { permissions: [permission('experiment', '*', 'READ')] },
          ],
        },
      ],
    }),
  })
  assert.deepEqual(await all(source.users()), [
    { name: 'ann', isAdministrator: true, grants: [] },
    {
      name: 'bob',
      isAdministrator: false,
      grants: [
        { kind: 'experiment', id: '1', level: 'MANAGE' },
        { kind: 'experiment', id: '2', level: 'NO_PERMISSIONS', isDenial: true },
        { kind: 'experiment', id: '*', level: 'READ' },
      ],
    },
  ])
  const { source: open } = await serving(t, {})
  assert.deepEqual(await all(open.users()), [])
})
