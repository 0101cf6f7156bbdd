import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import { basic, bearer, openBench } from './testing.ts'

const password = 'correct horse'

test('a token acts under its name, by every door, until it expires', async t => {
  const { app, access, clock } = await openBench(t)
  const { secret } = await access.createToken({ name: 'ada', role: 'editor', expiresAt: 2_000 as Millis })

  for (const headers of [bearer(secret), basic('anyone', secret)])
    assert.equal((await app.inject({ url: '/who', headers })).json().actor, 'ada')

  clock.advance(1_000)
  assert.equal((await app.inject({ url: '/who', headers: bearer(secret) })).statusCode, 401)
})

test('a revoked token is refused by the next request, though it was remembered', async t => {
  const { app, access } = await openBench(t)
  const { secret, token } = await access.createToken({ name: 'ada', role: 'editor' })
  const ask = async (): Promise<number> => (await app.inject({ url: '/who', headers: bearer(secret) })).statusCode

  assert.equal(await ask(), 200)
  await access.revokeToken(token.id)

  assert.equal(await ask(), 401)
  await assert.rejects(access.revokeToken(token.id), { code: 'not_found' })
})

test('a user signs in with a password, and a change of it or of a role counts from the next request on', async t => {
  const { app, access } = await openBench(t)
  await access.users.create({ name: 'ada', password })
  const ask = async (url: string, secret = password): Promise<number> =>
    (await app.inject({ url, headers: basic('ada', secret) })).statusCode

  assert.deepEqual([await ask('/who'), await ask('/who', 'wrong one'), await ask('/projects/rain')], [200, 401, 404])
  await access.users.putMember({ user: 'ada', project: 'rain', role: 'viewer' })
  assert.deepEqual([await ask('/projects/rain'), await ask('/projects/snow')], [200, 404])
  await access.users.update('ada', { password: 'another horse' })
  assert.deepEqual([await ask('/who'), await ask('/who', 'another horse')], [401, 200])
  await access.users.remove('ada')
  assert.equal(await ask('/who', 'another horse'), 401)
})

test('who guesses passwords has to wait, longer each time; whoever signed in a moment ago does not', async t => {
  const { app, access, clock } = await openBench(t)
  await access.users.create({ name: 'ada', password })
  const ask = async (secret: string): Promise<number> =>
    (await app.inject({ url: '/who', headers: basic('ada', secret) })).statusCode
  await ask(password)

  for (let guess = 0; guess < 5; guess++) assert.equal(await ask(`guess ${guess}`), 401)
  const refused = await app.inject({ url: '/who', headers: basic('ada', 'guess 5') })

  assert.deepEqual([refused.statusCode, refused.json().retryAfterS], [429, 1])
  assert.equal(await ask(password), 200)
  clock.advance(1_000)
  assert.equal(await ask('guess 6'), 401)
  clock.advance(1_000)
  assert.equal(await ask('guess 7'), 429)
  clock.advance(15 * 60_000)
  assert.equal(await ask('guess 8'), 401)
})

test('a password that looks like a token is none, nor is a short one; a name has no colon', async t => {
  const { access } = await openBench(t)
  const make = (name: string, secret: string): Promise<unknown> => access.users.create({ name, password: secret })

  await assert.rejects(make('ada', 'tyd_aaaaaaaaaaaaaaaa'), { code: 'invalid' })
  await assert.rejects(make('ada', 'short'), (error: Error) => !error.message.includes('short'))
  for (const name of ['a:b', 'local', ' ada', '']) await assert.rejects(make(name, password), { code: 'invalid' })
  await make('ada', password)
  await assert.rejects(make('ada', password), { code: 'already_exists' })
})

test('a token of a user may no more than the user, than its role, and than its projects', async t => {
  const { app, access } = await openBench(t)
  await access.users.create({ name: 'ada' })
  await access.users.putMember({ user: 'ada', project: 'rain', role: 'editor' })
  await access.users.putMember({ user: 'ada', project: 'snow', role: 'admin' })
  const asks = [
    { url: '/projects/rain' },
    { method: 'POST', url: '/projects/rain' },
    { method: 'POST', url: '/projects/snow' },
    { url: '/projects/hail' },
  ] as const
  const statuses = async (token: object): Promise<number[]> => {
    const { secret } = await access.createToken({ name: 'laptop', user: 'ada', ...token })
    return Promise.all(asks.map(async ask => (await app.inject({ ...ask, headers: bearer(secret) })).statusCode))
  }

  assert.deepEqual(await statuses({}), [200, 200, 200, 404])
  assert.deepEqual(
    (await access.tokens('ada')).map(({ name, user, role }) => ({ name, user, role })),
    [{ name: 'laptop', user: 'ada', role: undefined }],
    'what has no cap is not shown with the role of an administrator',
  )
  assert.deepEqual(await statuses({ role: 'viewer' }), [200, 403, 403, 404])
  assert.deepEqual(await statuses({ projects: ['rain', 'hail'] }), [200, 200, 404, 404])
  await assert.rejects(access.createToken({ name: 'x', user: 'eve' }), { code: 'not_found' })
  await assert.rejects(access.createToken({ name: 'x' }), { code: 'invalid' })
})

test('a token of deployments asks them and enters nowhere else', async t => {
  const { app, access } = await openBench(t)
  const { secret, token } = await access.createToken({ name: 'shop', deployments: ['rain', 'rain'] })

  assert.deepEqual([token.role, token.deployments], ['editor', ['rain']])
  const answer = await app.inject({ url: '/who', headers: bearer(secret) })
  assert.deepEqual(
    [answer.statusCode, answer.json().title],
    [403, 'This token asks deployments, and does nothing else.'],
  )
  await assert.rejects(access.createToken({ name: 'x', role: 'viewer', deployments: ['rain'] }), {
    code: 'invalid',
    detail: { problems: [{ field: 'role', value: 'viewer', allowed: 'editor or admin for a token of deployments' }] },
  })
})

test('servers that answer alone are told by hash what each token is good for, and of every change', async t => {
  const { access, clock } = await openBench(t)
  let changes = 0
  access.onChange(() => void changes++)
  await access.users.create({ name: 'ada' })
  await access.users.putMember({ user: 'ada', project: 'rain', role: 'editor' })
  await access.users.putMember({ user: 'ada', project: 'snow', role: 'viewer' })
  const make = async (token: Parameters<typeof access.createToken>[0]): Promise<string> =>
    digestOf((await access.createToken(token)).secret)
  const made = {
    all: await make({ name: 'all', role: 'admin' }),
    viewer: await make({ name: 'viewer', role: 'viewer' }),
    narrow: await make({ name: 'narrow', role: 'editor', projects: ['hail'] }),
    ada: await make({ name: 'laptop', user: 'ada' }),
    reader: await make({ name: 'reader', user: 'ada', role: 'viewer' }),
    shop: await make({ name: 'shop', deployments: ['rain'] }),
    own: await make({ name: 'own', user: 'ada', deployments: ['rain'], expiresAt: 1_500 as Millis }),
  }

  const keys = async (): Promise<object> => {
    const named = new Map(Object.entries(made).map(([name, hash]) => [hash as string, name]))
    return Object.fromEntries((await access.keys()).map(({ hash, ...key }) => [named.get(hash), key]))
  }
  const known = {
    all: { name: 'all', reads: 'all', asks: 'all' },
    viewer: { name: 'viewer', reads: 'all', asks: [] },
    narrow: { name: 'narrow', reads: ['hail'], asks: ['hail'] },
    ada: { name: 'ada', reads: ['rain', 'snow'], asks: ['rain'] },
    reader: { name: 'ada', reads: ['rain', 'snow'], asks: [] },
    shop: { name: 'shop', reads: [], asks: 'all', deployments: ['rain'] },
  }
  assert.deepEqual(await keys(), {
    ...known,
    own: { name: 'ada', expiresAt: 1_500, reads: [], asks: ['rain'], deployments: ['rain'] },
  })
  clock.advance(500)
  assert.deepEqual(await keys(), known)
  const before = changes
  await access.revokeToken((await access.tokens()).at(-1)!.id)
  await access.users.removeMember('ada', 'rain')
  assert.equal(changes, before + 2)
})

test('a user makes and revokes tokens for themselves with their password; a token makes none', async t => {
  const { app, access } = await openBench(t)
  for (const name of ['ada', 'eve']) await access.users.create({ name, password })
  const post = (headers: object, payload: object) =>
    app.inject({ method: 'POST', url: '/api/v1/tokens', headers: headers as never, payload })
  const made = (await post(basic('ada', password), { name: 'laptop' })).json()

  assert.equal(made.token.user, 'ada')
  assert.equal((await post(bearer(made.secret), { name: 'more' })).statusCode, 403)
  assert.equal((await post(basic('eve', password), { name: 'x', user: 'ada' })).statusCode, 403)
  const { secret: plain } = await access.createToken({ name: 'ci', role: 'editor' })
  assert.equal((await post(bearer(plain), { name: 'more', role: 'viewer' })).statusCode, 403)
  const seen = await app.inject({ url: '/api/v1/tokens', headers: basic('eve', password) })
  assert.deepEqual(seen.json(), { items: [] })
  const url = `/api/v1/tokens/${made.token.id}`
  const remove = async (name: string): Promise<number> =>
    (await app.inject({ method: 'DELETE', url, headers: basic(name, password) })).statusCode
  assert.deepEqual([await remove('eve'), await remove('ada'), await remove('ada')], [403, 204, 404])
})

test('a lost token cannot take over its user: the password takes the password to change', async t => {
  const { app, access } = await openBench(t)
  await access.users.create({ name: 'ada', password })
  await access.users.create({ name: 'robot' })
  const tokenOf = async (user: string) => bearer((await access.createToken({ name: 'lost', user })).secret)
  const put = async (user: string, headers: object, payload: object): Promise<number> =>
    (await app.inject({ method: 'PUT', url: `/api/v1/users/${user}`, headers: headers as never, payload })).statusCode
  const next = { password: 'another horse' }

  assert.equal(await put('ada', await tokenOf('ada'), next), 403)
  assert.equal(await put('robot', await tokenOf('robot'), next), 403)
  assert.equal(await put('ada', await tokenOf('ada'), { ...next, currentPassword: 'guess guess' }), 403)
  assert.equal(await put('ada', basic('ada', password), { role: 'admin' }), 403)
  assert.equal(await put('robot', basic('ada', password), next), 403)
  assert.equal(await put('ada', await tokenOf('ada'), { ...next, currentPassword: password }), 200)
  const admin = bearer((await access.createToken({ name: 'root', role: 'admin' })).secret)
  assert.equal(await put('robot', admin, { ...next, role: 'editor' }), 200)
})

test('the secret of a token is shown once and kept nowhere', async t => {
  const { app, access } = await openBench(t)
  const { secret } = await access.createToken({ name: 'root', role: 'admin' })

  const listed = await app.inject({ url: '/api/v1/tokens', headers: bearer(secret) })

  assert.deepEqual(Object.keys(listed.json().items[0]).toSorted(), ['createdAt', 'id', 'name', 'role'])
})

test('who manages a project gives roles in it, and in no other; nobody removes themselves', async t => {
  const { app, access } = await openBench(t)
  for (const name of ['ada', 'eve']) await access.users.create({ name, password })
  await access.users.putMember({ user: 'ada', project: 'rain', role: 'admin' })
  const call = (method: 'GET' | 'PUT' | 'DELETE', path: string, payload?: object) =>
    app.inject({ method, url: `/api/v1${path}`, headers: basic('ada', password), ...(payload && { payload }) })
  const put = async (project: string): Promise<number> =>
    (await call('PUT', `/projects/${project}/members/eve`, { role: 'editor' })).statusCode

  assert.deepEqual([await put('rain'), await put('snow')], [200, 404])
  assert.deepEqual((await call('GET', '/projects/rain/members')).json(), {
    items: [
      { user: 'ada', project: 'rain', role: 'admin' },
      { user: 'eve', project: 'rain', role: 'editor' },
    ],
  })
  assert.equal((await call('DELETE', '/projects/rain/members/eve')).statusCode, 204)
  assert.equal((await call('GET', '/users')).statusCode, 403)
  assert.equal((await call('GET', '/users/eve')).statusCode, 403)
  assert.deepEqual((await call('GET', '/me')).json(), {
    name: 'ada',
    user: 'ada',
    roles: [{ project: 'rain', role: 'admin' }],
  })
  await access.users.update('ada', { role: 'admin' })
  assert.equal((await call('DELETE', '/users/ada')).statusCode, 403)
  assert.equal((await call('DELETE', '/users/eve')).statusCode, 204)
})
