import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { workflowRoutes } from './routes.ts'
import { objective, openBed } from './testing.ts'

const one = '/api/v1/projects/rain/pipelines/build/triggers/webhook'
const body = JSON.stringify({ ref: 'refs/heads/main', commits: [{ id: 'c1' }] })
const hmac = (secret: string): string => createHmac('sha256', secret).update(body).digest('hex')

/** A pipeline that pushes to main at a forge start. */
async function open(t: TestContext) {
  const bed = await openBed(t, { isStopped: true })
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  t.after(() => bed.outbox.stop())
  workflowRoutes(app, bed.workflow, () => 'editor')
  const triggers = [{ on: 'webhook', events: ['push', 'Push Hook'], where: { ref: 'refs/heads/main' } }]
  const pipelines = { build: { triggers, tasks: { a: { run: 'true' } } } }
  await bed.projects.apply({ spec: { name: 'rain', objective, pipelines }, actor: 'ann' })
  bed.outbox.start()
  await bed.outbox.settled()
  const post = async (url: string, headers: Record<string, string> = {}, payload?: string) => {
    const reply = await app.inject({ method: 'POST', url, headers, ...(payload !== undefined && { payload }) })
    return { status: reply.statusCode, body: reply.json() }
  }
  const get = async (path: string) => (await app.inject({ url: path })).json()
  const count = async () => (await bed.workflow.runs({ project: 'rain' }, { limit: 50 })).items.length
  return { ...bed, post, get, count }
}

test('a delivery that is signed as GitHub, Gitea or GitLab sign starts one run, however often it is sent', async t => {
  const { post, get, count } = await open(t)
  const { path, secret } = (await post(`${one}/secret`)).body
  const senders = [
    { 'x-hub-signature-256': `sha256=${hmac(secret)}`, 'x-github-delivery': 'd1', 'x-github-event': 'push' },
    { 'x-gitea-signature': hmac(secret), 'x-gitea-delivery': 'd2', 'x-gitea-event': 'push' },
    { 'x-gitlab-token': secret, 'idempotency-key': 'd3', 'x-gitlab-event': 'Push Hook' },
  ].map(headers => ({ 'content-type': 'application/json', ...headers }))

  const first = await Promise.all(senders.map(headers => post(path, headers, body)))
  const again = await Promise.all(senders.map(headers => post(path, headers, body)))

  assert.deepEqual([first.map(({ status }) => status), again, await count()], [[202, 202, 202], first, 3])
  const { items } = await get('/api/v1/projects/rain/triggers')
  const ticks = await get(`${one}/ticks`)
  assert.deepEqual(
    [items[0].hook, items[0].name, ticks.items.map((tick: { key: string }) => tick.key).toSorted()],
    [{ path, hasSecret: true }, 'webhook', ['d1', 'd2', 'd3']],
  )
  assert.doesNotMatch(JSON.stringify(items), new RegExp(secret))
})

test('a delivery that nobody signed, or about something else, starts nothing', async t => {
  const { post, count } = await open(t)
  const unset = await post((await post(`${one}/secret`)).body.path.replace(/.$/, 'x'))
  const { path, secret: old } = (await post(`${one}/secret`)).body
  const { secret } = (await post(`${one}/secret`)).body
  const signed = { 'x-hub-signature-256': `sha256=${hmac(secret)}`, 'x-github-event': 'push' }
  const other = JSON.stringify({ ref: 'refs/heads/other' })
  const signedOther = `sha256=${createHmac('sha256', secret).update(other).digest('hex')}`

  const answers = [
    unset,
    await post(path, {}, body),
    await post(path, { ...signed, 'x-hub-signature-256': `sha256=${hmac(old)}` }, body),
    await post(path, { 'x-gitlab-token': 'x' }, body),
    await post(path, signed, `${body} `),
    await post(path, { ...signed, 'x-github-event': 'ping' }, body),
    await post(path, { ...signed, 'x-github-event': 'issues' }, body),
    await post(path, { ...signed, 'x-hub-signature-256': signedOther }, other),
  ]
  await post(`${one}/pause`)
  answers.push(await post(path, signed, body))

  assert.deepEqual(
    answers.map(({ status, body: said }) => [status, said.skipped ?? said.code ?? said.type]),
    [
      [404, '/errors/not_found'],
      [401, '/errors/unauthorized'],
      [401, '/errors/unauthorized'],
      [401, '/errors/unauthorized'],
      [401, '/errors/unauthorized'],
      [202, 'A ping starts nothing.'],
      [202, 'The trigger waits for push, Push Hook.'],
      [202, 'The data is not what the trigger waits for.'],
      [202, 'The trigger is paused.'],
    ],
  )
  assert.equal(await count(), 0)
})

test('pausing and secrets of what does not exist are refused by name', async t => {
  const { post } = await open(t)
  const { status, body: said } = await post(`${one.replace('webhook', 'schedule')}/pause`)

  assert.deepEqual([status, said.title], [404, 'There is no trigger rain/build/schedule.'])
})
