import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { notFound } from '#kernel/error.ts'
import { createApp, type App } from './app.ts'

async function open(t: TestContext): Promise<App> {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  app.post(
    '/things',
    {
      schema: {
        body: z.strictObject({ name: z.string().max(3), count: z.int().default(1) }),
        response: { 200: z.object({ name: z.string(), count: z.int() }) },
      },
    },
    async ({ body }) => body,
  )
  app.get(
    '/things',
    {
      schema: {
        querystring: z.object({ limit: z.int().max(5).default(2) }),
        response: { 200: z.object({ limit: z.int() }) },
      },
    },
    async ({ query }) => query,
  )
  app.get('/missing', async () => {
    throw notFound('thing', 'x')
  })
  app.get('/fault', async () => {
    throw new Error('secret path /etc')
  })
  return app
}

const cases = [
  {
    what: 'a body that is right',
    request: { method: 'POST', url: '/things', payload: { name: 'a' } },
    status: 200,
    body: { name: 'a', count: 1 },
  },
  {
    what: 'a number in the query',
    request: { method: 'GET', url: '/things?limit=4' },
    status: 200,
    body: { limit: 4 },
  },
  {
    what: 'a text in a number',
    request: { method: 'POST', url: '/things', payload: { name: 'a', count: '3' } },
    status: 422,
    body: {
      problems: [{ field: 'body.count', value: '3', allowed: 'a whole number' }],
      type: '/errors/invalid',
      status: 422,
      title: 'The body is not accepted.\n  body.count = "3": a whole number',
    },
  },
  {
    what: 'an unknown field',
    request: { method: 'POST', url: '/things', payload: { name: 'a', nam: 'b' } },
    status: 422,
    body: {
      problems: [{ field: 'body.nam', allowed: 'no such field; known are name, count' }],
      type: '/errors/invalid',
      status: 422,
      title: 'The body is not accepted.\n  body.nam: no such field; known are name, count',
    },
  },
  {
    what: 'an unknown thing',
    request: { method: 'GET', url: '/missing' },
    status: 404,
    body: { what: 'thing', key: 'x', type: '/errors/not_found', status: 404, title: 'There is no thing x.' },
  },
  {
    what: 'an unknown route',
    request: { method: 'GET', url: '/nowhere?x=1' },
    status: 404,
    body: { what: 'route', type: '/errors/not_found', status: 404, title: 'There is no GET /nowhere.' },
  },
  {
    what: 'a fault, whose words stay inside',
    request: { method: 'GET', url: '/fault' },
    status: 500,
    body: { type: '/errors/internal', status: 500, title: 'The server has a fault, and has noted it.' },
  },
] as const

for (const { what, request, status, body } of cases) {
  test(`${what} answers ${status}`, async t => {
    const app = await open(t)

    const answer = await app.inject(request as never)

    assert.deepEqual([answer.statusCode, answer.json()], [status, body])
  })
}

test('a body that is not JSON answers 422 as a problem', async t => {
  const app = await open(t)

  const answer = await app.inject({
    method: 'POST',
    url: '/things',
    headers: { 'content-type': 'application/json' },
    payload: '{"name":',
  })

  assert.deepEqual(
    [answer.statusCode, answer.headers['content-type'], answer.json().type],
    [422, 'application/problem+json', '/errors/invalid'],
  )
})

test('a body over the limit answers 413', async t => {
  const app = await open(t)

  const answer = await app.inject({
    method: 'POST',
    url: '/things',
    headers: { 'content-type': 'application/json' },
    payload: `{"name":"${'x'.repeat(17 * 1024 * 1024)}"}`,
  })

  assert.deepEqual([answer.statusCode, answer.json().type], [413, '/errors/too_large'])
})

test('a schema is compiled when a request first needs it: a broken one is a fault of its own route', async t => {
  const app = await open(t)
  app.post('/broken', { schema: { body: { type: 'nonsense' } as never } }, async () => 'unreached')
  await app.ready()

  const answers = []
  for (const url of ['/things', '/broken', '/things'])
    answers.push((await app.inject({ method: 'POST', url, payload: { name: 'a' } })).statusCode)

  assert.deepEqual(answers, [200, 500, 200])
})
