import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createApp } from './app.ts'

const when = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cron'), cron: z.string().min(1) }),
  z.object({ kind: z.literal('every'), minutes: z.int().min(1).max(59) }),
])
const Body = z.object({
  name: z
    .string()
    .regex(/^[a-z]+$/)
    .meta({ description: 'Lower-case letters.' })
    .optional(),
  secret: z.string().min(8).meta({ writeOnly: true }).optional(),
  stage: z.enum(['staging', 'production']).optional(),
  share: z.number().min(0).max(1).nullable().optional(),
  tags: z.array(z.string()).min(1).max(2).optional(),
  inner: z.object({ at: z.int(), note: z.string().optional() }).optional(),
  when: when.optional(),
})

/** What is sent, and what is said of it: field, value, what is allowed. */
const cases: readonly (readonly [body: object, ...problems: readonly (readonly unknown[])[]])[] = [
  [{ name: 'A' }, ['body.name', 'A', 'Lower-case letters']],
  [{ secret: 'short' }, ['body.secret', undefined, 'a text, 8 characters or more']],
  [{ stage: 'live' }, ['body.stage', 'live', 'one of staging, production']],
  [{ share: 2 }, ['body.share', 2, 'a number, 0 or more, 1 or less or null']],
  [{ share: 'x' }, ['body.share', 'x', 'a number, 0 or more, 1 or less or null']],
  [{ tags: [] }, ['body.tags', undefined, 'a list, not empty, 2 items at most']],
  [{ tags: ['a', 7] }, ['body.tags.1', 7, 'a text']],
  [{ inner: {} }, ['body.inner.at', undefined, 'is required: a whole number']],
  [{ inner: { at: 1, nte: '' } }, ['body.inner.nte', undefined, 'no such field; known are at, note']],
  [{ when: { kind: 'every', minutes: 60 } }, ['body.when.minutes', 60, 'a whole number, 1 or more, 59 or less']],
  [{ when: { kind: 'every' } }, ['body.when.minutes', undefined, 'is required: a whole number, 1 or more, 59 or less']],
  [{ when: { kind: 'never' } }, ['body.when', undefined, 'an object with kind "cron" or an object with kind "every"']],
  [{ when: 7 }, ['body.when', 7, 'an object with kind "cron" or an object with kind "every"']],
  [
    { stage: 1, tags: 'a' },
    ['body.stage', 1, 'one of staging, production'],
    ['body.tags', 'a', 'a list, not empty, 2 items at most'],
  ],
]

test('what a route does not accept is named: field, value, and what is allowed', async t => {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  app.post('/', { schema: { body: Body } }, async () => ({}))

  for (const [payload, ...problems] of cases) {
    const answer = await app.inject({ method: 'POST', url: '/', payload })
    const told = (answer.json().problems as { field: string; value?: unknown; allowed: string }[]).map(
      ({ field, value, allowed }) => [field, value, allowed],
    )
    assert.deepEqual({ payload, status: answer.statusCode, told }, { payload, status: 422, told: problems })
  }
})

test('a query that has none, or another parameter, is told which there are', async t => {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  app.get(
    '/',
    { schema: { querystring: z.object({ runs: z.string().min(1), limit: z.int().max(5).optional() }) } },
    async () => ({}),
  )

  const answer = await app.inject('/?run=x&limit=7')

  assert.deepEqual(answer.json(), {
    problems: [
      { field: 'query.runs', allowed: 'is required: a text, not empty' },
      { field: 'query.run', allowed: 'no such field; known are runs, limit' },
      { field: 'query.limit', value: 7, allowed: 'a whole number, 5 or less' },
    ],
    type: '/errors/invalid',
    status: 422,
    title:
      'The query is not accepted.\n  query.runs: is required: a text, not empty\n  query.run: no such field; known are runs, limit\n  query.limit = 7: a whole number, 5 or less',
  })
})
