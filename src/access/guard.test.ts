import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '#http'
import { guard } from './guard.ts'
import { bearer, openBench } from './testing.ts'

test('on loopback the person at the machine needs no token', async t => {
  const { app } = await openBench(t, '127.0.0.1')

  const answer = await app.inject({ method: 'POST', url: '/projects/rain', headers: { host: 'localhost:7070' } })

  assert.deepEqual([answer.statusCode, answer.json()], [200, { actor: 'local' }])
})

const foreign = [
  { what: 'a foreign host name', headers: { host: 'evil.example' } },
  { what: 'a page of another origin', headers: { host: 'localhost:7070', origin: 'https://evil.example' } },
  { what: 'an opaque origin', headers: { host: 'localhost:7070', origin: 'null' } },
  {
    what: 'a cross-site request without an origin',
    headers: { host: 'localhost:7070', 'sec-fetch-site': 'cross-site' },
  },
]
for (const { what, headers } of foreign) {
  test(`${what} can change nothing`, async t => {
    const { app } = await openBench(t, '127.0.0.1')

    assert.equal((await app.inject({ method: 'POST', url: '/projects/rain', headers })).statusCode, 403)
  })
}

test('on another address nothing is answered without credentials, not even that there is nothing', async t => {
  const { app } = await openBench(t)
  for (const url of ['/who', '/nowhere']) {
    const answer = await app.inject({ url })
    assert.deepEqual(
      [answer.statusCode, answer.headers['www-authenticate'], answer.json().type],
      [401, 'Basic realm="trainyard"', '/errors/unauthorized'],
    )
  }
})

for (const authorization of ['Basic', 'Basic !!!', 'Basic YWRh', 'Bearer', 'Bearer x y', 'basic Og==', 'Bearer tyd_']) {
  test(`\`${authorization}\` is nobody`, async t => {
    const { app } = await openBench(t)

    assert.equal((await app.inject({ url: '/who', headers: { authorization } })).statusCode, 401)
  })
}

test('each role does what it may and no more', async t => {
  const { app, access } = await openBench(t)
  const statuses: Record<string, number[]> = {}
  for (const role of ['viewer', 'editor', 'admin'] as const) {
    const headers = bearer((await access.createToken({ name: role, role })).secret)
    const requests = [
      { url: '/projects/rain' },
      { method: 'POST', url: '/projects/rain' },
      { url: '/api/v1/users' },
      { url: '/nowhere' },
    ] as const
    statuses[role] = await Promise.all(
      requests.map(async request => (await app.inject({ ...request, headers })).statusCode),
    )
  }

  assert.deepEqual(statuses, {
    viewer: [200, 403, 403, 404],
    editor: [200, 200, 403, 404],
    admin: [200, 200, 200, 404],
  })
})

test('a token of one project works there, and sees neither other projects nor the platform', async t => {
  const { app, access } = await openBench(t)
  const headers = bearer((await access.createToken({ name: 'ci', role: 'admin', projects: ['rain'] })).secret)
  const statuses = await Promise.all(
    ['/projects/rain', '/projects/snow', '/things/rain_1', '/things/snow_1', '/platform', '/api/v1/users'].map(
      async url => (await app.inject({ url, headers })).statusCode,
    ),
  )

  assert.deepEqual(statuses, [200, 404, 200, 404, 403, 403])
  assert.deepEqual((await app.inject({ url: '/who', headers })).json(), {
    actor: 'ci',
    workspace: 'rain',
    readable: ['rain'],
  })
})

test('a thing of another project and one that is not there answer alike', async t => {
  const { app, access } = await openBench(t)
  app.get('/missing/:id', { config: { project: () => undefined } }, async () => ({}))
  const headers = bearer((await access.createToken({ name: 'ci', role: 'editor', projects: ['rain'] })).secret)
  const ask = async (url: string) => {
    const answer = await app.inject({ url, headers })
    return [answer.statusCode, answer.body.replaceAll(url, 'URL')]
  }

  assert.deepEqual(await ask('/things/snow_1'), await ask('/missing/1'))
})

test('a header names the project to work in, which must be one that the caller may read', async t => {
  const { app, access } = await openBench(t)
  const everywhere = bearer((await access.createToken({ name: 'ada', role: 'editor' })).secret)
  const narrow = bearer((await access.createToken({ name: 'ci', role: 'editor', projects: ['rain'] })).secret)
  const ask = async (authorization: object, workspace: string): Promise<unknown> => {
    const headers = { ...authorization, 'x-mlflow-workspace': workspace }
    const answer = await app.inject({ url: '/who', headers })
    return answer.json().workspace ?? answer.statusCode
  }

  assert.deepEqual(
    [await ask(everywhere, 'rain'), await ask(everywhere, ''), await ask(everywhere, 'nowhere')],
    ['rain', 'default', 404],
  )
  assert.deepEqual([await ask(narrow, 'rain'), await ask(narrow, 'snow')], ['rain', 404])
})

test('a grant decides about its thing, above and below the role; who manages the project is not bound by it', async t => {
  const { app, access } = await openBench(t)
  const users = { outsider: undefined, viewer: 'viewer', editor: 'editor', admin: 'admin' } as const
  const resource = { project: 'rain', kind: 'experiment', id: '5' } as const
  const held: Record<string, string> = {}
  for (const [name, role] of Object.entries(users)) {
    await access.users.create({ name })
    if (role) await access.users.putMember({ user: name, project: 'rain', role })
    const headers = bearer((await access.createToken({ name: 't', user: name })).secret)
    const best = async (): Promise<string> => {
      let found = 'nothing'
      for (const permission of ['read', 'edit', 'manage']) {
        const payload = { permission, ...resource }
        const { statusCode } = await app.inject({ method: 'POST', url: '/may', headers, payload })
        if (statusCode === 200) found = permission
        // What may not be read is not there.
        else assert.equal(statusCode, found === 'nothing' ? 404 : 403)
      }
      return found
    }
    const found = [await best()]
    for (const level of ['NO_PERMISSIONS', 'READ', 'USE', 'EDIT', 'MANAGE'] as const) {
      await access.grants.put({ user: name, ...resource, level })
      found.push(await best())
    }
    await access.grants.remove(name, resource)
    held[name] = [...found, await best()].join(' ')
  }

  assert.deepEqual(held, {
    outsider: 'nothing nothing read read edit manage nothing',
    viewer: 'read nothing read read edit manage read',
    editor: 'edit nothing read read edit manage edit',
    admin: 'manage manage manage manage manage manage manage',
  })
})

test('who makes a thing manages it, a narrowed token still only as far as it goes; the grant moves with the name', async t => {
  const { app, access } = await openBench(t)
  await access.users.create({ name: 'ada' })
  await access.users.putMember({ user: 'ada', project: 'rain', role: 'editor' })
  const whole = bearer((await access.createToken({ name: 't', user: 'ada' })).secret)
  const narrow = bearer((await access.createToken({ name: 't', user: 'ada', role: 'editor' })).secret)
  const model = { project: 'rain', kind: 'registered_model', id: 'rain.a' } as const
  const ask = async (headers: object, id: string): Promise<number> => {
    const payload = { permission: 'manage', ...model, id }
    return (await app.inject({ method: 'POST', url: '/may', headers: headers as never, payload })).statusCode
  }

  assert.equal(await ask(whole, 'rain.a'), 403)
  await app.inject({ method: 'POST', url: '/own', headers: whole, payload: model })
  assert.deepEqual([await ask(whole, 'rain.a'), await ask(narrow, 'rain.a')], [200, 403])
  await access.grants.move(model, 'rain.b')
  assert.deepEqual([await ask(whole, 'rain.a'), await ask(whole, 'rain.b')], [403, 200])
})

test('a route that does not say whose it is cannot be made', async t => {
  const { access } = await openBench(t)
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  guard(app, { access, host: '0.0.0.0' })

  assert.throws(() => app.get('/secrets/:id', async () => ({})), /GET \/secrets\/:id does not say whose it is/)
  app.get('/open', { config: { role: 'none' } }, async () => ({}))
})

test('a grant shows its thing to lists where no role does, and a token of other projects does not see it', async t => {
  const { app, access } = await openBench(t)
  app.get('/granted', { config: { role: 'viewer', project: 'caller' } }, async request => request.granted('experiment'))
  await access.users.create({ name: 'ada' })
  await access.users.putMember({ user: 'ada', project: 'snow', role: 'viewer' })
  const grants = [
    { project: 'rain', id: '1', level: 'READ' },
    { project: 'rain', id: '2', level: 'NO_PERMISSIONS' },
    { project: 'snow', id: '3', level: 'MANAGE' },
  ] as const
  for (const grant of grants) await access.grants.put({ user: 'ada', kind: 'experiment', ...grant })
  const granted = async (projects?: string[]): Promise<unknown> => {
    const { secret } = await access.createToken({ name: 't', user: 'ada', projects })
    return (await app.inject({ url: '/granted', headers: bearer(secret) })).json()
  }

  assert.deepEqual([await granted(), await granted(['snow']), await granted(['rain'])], [['1'], [], ['1']])
})
