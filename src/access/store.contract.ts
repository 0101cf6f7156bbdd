import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { TokenStore, UserStore } from './store.ts'
import type { Token } from './token.ts'

/** What every {@link TokenStore} and {@link UserStore} promises. */
export function accessStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ tokens: TokenStore; users: UserStore }>,
): void {
  const at = 1_000 as Millis
  const token = (change: Partial<Token> = {}): Token => ({
    id: newId('tok'),
    name: 'ada',
    role: 'editor',
    createdAt: at,
    ...change,
  })

  test(`${name}: a token is found by its hash as it was made, until it is removed`, async t => {
    const { tokens, users } = await open(t)
    await users.insert({ name: 'ada', createdAt: at })
    const plain = token()
    const narrow = token({ user: 'ada', projects: ['rain', 'snow'], expiresAt: 2_000 as Millis })
    await tokens.insert(plain, 'h1')
    await tokens.insert(narrow, 'h2')

    assert.deepEqual(
      [await tokens.find('h1'), await tokens.find('h2'), await tokens.find('h3')],
      [plain, narrow, undefined],
    )
    assert.deepEqual([await tokens.list(), await tokens.list('ada')], [[narrow, plain], [narrow]])
    assert.deepEqual(
      [
        await tokens.remove(plain.id),
        await tokens.remove(plain.id),
        await tokens.get(plain.id),
        await tokens.get(narrow.id),
      ],
      [true, false, undefined, narrow],
    )
  })

  test(`${name}: what has not expired is found with its hash, and the accounts of all who hold a token`, async t => {
    const { tokens, users } = await open(t)
    for (const user of ['ada', 'eve', 'bob']) await users.insert({ name: user, createdAt: at })
    for (const project of ['rain', 'snow']) await users.putMember({ user: 'ada', project, role: 'viewer' })
    const plain = token({ deployments: ['rain'] })
    const [own, late] = [token({ user: 'ada' }), token({ user: 'eve', expiresAt: 2_000 as Millis })]
    await Promise.all([tokens.insert(plain, 'h1'), tokens.insert(own, 'h2'), tokens.insert(late, 'h3')])

    const valid = async (now: number): Promise<object> =>
      Object.fromEntries((await tokens.valid(now as Millis)).map(({ hash, token: found }) => [hash, found]))
    assert.deepEqual(await valid(1_999), { h1: plain, h2: own, h3: late })
    assert.deepEqual(await valid(2_000), { h1: plain, h2: own })
    const holders = await users.holders()
    assert.deepEqual(
      new Map(holders.map(({ user, roles }) => [user.name, roles])),
      new Map([
        [
          'ada',
          new Map([
            ['rain', 'viewer'],
            ['snow', 'viewer'],
          ]),
        ],
        ['eve', new Map()],
      ]),
    )
  })

  test(`${name}: users are numbered from one, also when they are made at once, and a name is taken once`, async t => {
    const { users } = await open(t)

    const made = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(name => users.insert({ name, createdAt: at })))

    assert.deepEqual(
      made.map(user => user!.number).toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6],
    )
    assert.equal(await users.insert({ name: 'a', createdAt: at }), undefined)
  })

  test(`${name}: an account has its password and roles; null takes away`, async t => {
    const { users } = await open(t)
    await users.insert({ name: 'ada', password: 'hash', role: 'viewer', createdAt: at })
    await users.putMember({ user: 'ada', project: 'rain', role: 'viewer' })
    await users.putMember({ user: 'ada', project: 'rain', role: 'editor' })
    await users.putMember({ user: 'ada', project: 'snow', role: 'admin' })
    const user = { name: 'ada', number: 1, role: 'viewer', hasPassword: true, createdAt: at }

    assert.deepEqual(await users.account('ada'), {
      user,
      password: 'hash',
      roles: new Map([
        ['rain', 'editor'],
        ['snow', 'admin'],
      ]),
    })
    assert.deepEqual(
      [await users.update('ada', { role: null, password: null }), await users.update('eve', {})],
      [true, false],
    )
    assert.equal(await users.removeMember('ada', 'snow'), true)
    assert.equal(await users.removeMember('ada', 'snow'), false)
    assert.deepEqual(await users.account('ada'), {
      user: { name: 'ada', number: 1, hasPassword: false, createdAt: at },
      roles: new Map([['rain', 'editor']]),
    })
    assert.equal(await users.account('eve'), undefined)
  })

  test(`${name}: users and members are listed by name, page by page`, async t => {
    const { users } = await open(t)
    for (const name of ['c', 'a', 'b']) {
      await users.insert({ name, createdAt: at })
      await users.putMember({ user: name, project: 'rain', role: 'viewer' })
    }

    const first = await users.list({ limit: 2 })
    const rest = await users.list({ limit: 2, after: first.next })
    assert.deepEqual(
      [first.items, rest.items].map(items => items.map(user => user.name)),
      [['a', 'b'], ['c']],
    )
    const members = await users.members('rain', { limit: 2 })
    const others = await users.members('rain', { limit: 2, after: members.next })
    assert.deepEqual(
      [members.items, others.items].map(items => items.map(({ user }) => user)),
      [['a', 'b'], ['c']],
    )
    assert.deepEqual(await users.members('snow', { limit: 2 }), { items: [] })
  })

  test(`${name}: a grant is made once, replaced, moved with its thing, and goes with the member and the user`, async t => {
    const { users, tokens } = await open(t)
    await users.insert({ name: 'ada', createdAt: at })
    const grant = { user: 'ada', project: 'rain', kind: 'registered_model', id: 'm', level: 'READ' } as const

    assert.deepEqual(
      [await users.insertGrant(grant), await users.insertGrant({ ...grant, level: 'EDIT' })],
      [true, false],
    )
    assert.deepEqual(await users.grants('ada'), [grant])
    await users.putGrant({ ...grant, level: 'MANAGE' })
    await users.moveGrants({ kind: 'registered_model', id: 'm' }, 'm')
    await users.moveGrants({ kind: 'registered_model', id: 'm' }, 'n')
    assert.equal(await users.grant('ada', { kind: 'registered_model', id: 'm' }), undefined)
    assert.deepEqual(await users.grant('ada', { kind: 'registered_model', id: 'n' }), {
      ...grant,
      id: 'n',
      level: 'MANAGE',
    })
    await users.moveGrants({ kind: 'registered_model', id: 'n' })
    assert.deepEqual(await users.grants('ada'), [])
    assert.equal(await users.removeGrant('ada', { kind: 'registered_model', id: 'n' }), false)

    await users.putGrant(grant)
    assert.equal(await users.removeMember('ada', 'rain'), true)
    assert.deepEqual(await users.grants('ada'), [])
    await users.putGrant(grant)
    await tokens.insert(token({ user: 'ada' }), 'h')
    assert.deepEqual([await users.remove('ada'), await users.remove('ada')], [true, false])
    assert.deepEqual([await users.grants('ada'), await tokens.find('h')], [[], undefined])
  })
}
