import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Browser } from 'playwright-core'
import { until, type World } from '../../src/demo/world.ts'
import { rain } from '../../src/project/example.ts'
import { desk, overflowOf, readerOf, telephone, type Reader } from './browser.ts'

/** A receiver of posts: what it knows it takes, and for the rest it has words. */
async function receiver(t: TestContext): Promise<string> {
  const server = createServer((request, reply) => {
    request.resume()
    reply.writeHead(request.url === '/gone' ? 404 : 200).end(request.url === '/gone' ? 'no such hook' : 'heard')
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A project whose pipeline fails and whose channels are told of it; the page of one without is empty. */
async function makeProjects({ client, signal }: World, url: string): Promise<void> {
  const pipelines = {
    fails: {
      triggers: [{ on: 'schedule', cron: '0 6 1 1 *' }],
      tasks: { one: { run: 'echo "there is no wind" >&2; exit 3' } },
    },
  }
  const parts = { deployments: {}, monitors: {}, models: {}, services: {}, features: {}, labels: {} }
  const notifications = {
    channels: {
      pager: { type: 'webhook', url: `${url}/hook` },
      gone: { type: 'webhook', url: `${url}/gone` },
      ops: { type: 'email', to: ['ops@example.org'] },
    },
    rules: [{ on: ['run.failed'], to: ['pager', 'gone'] }],
  }
  const spec = { ...rain(), ...parts, pipelines }
  await client.send('PUT', '/api/v1/projects/quiet', { spec: { ...spec, name: 'quiet' } })
  await client.send('PUT', '/api/v1/projects/told', { spec: { ...spec, name: 'told', notifications } })
  await client.send('POST', '/api/v1/projects/told/runs', { pipeline: 'fails' })
  const told = async (): Promise<boolean> => {
    const { items } = await client.get<{ items: { state: string }[] }>('/api/v1/projects/told/notifications')
    return items.length === 2 && items.every(({ state }) => state !== 'waiting')
  }
  await until('both channels to be told', told, { signal })
}

const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

async function channels({ page, open }: Reader): Promise<void> {
  await open('/p/told/notifications')
  const rows = page.getByRole('table', { name: 'Channels' }).getByRole('row')
  const told = (await rows.allInnerTexts()).slice(1).map(text => words(text).replace(/127\.0\.0\.1:\d+/, 'host'))
  assert.deepEqual(told, [
    'pager of the project file webhook host run.failed Test',
    'gone of the project file webhook host run.failed Test',
    'ops of the project file e-mail ops@example.org nothing: no rule names it Test',
  ])
  for (const [name, answer] of [
    ['pager', 'taken It answered 200: heard'],
    ['gone', 'not taken It answered 404: no such hook'],
    ['ops', 'not taken There is no mail server.'],
  ] as const) {
    await page.getByRole('button', { name: `Test ${name}` }).click()
    const row = rows.filter({ has: page.getByRole('button', { name: `Test ${name}` }) })
    assert.ok(words(await row.getByRole('status').innerText()).startsWith(answer))
  }
}

async function log({ page, open }: Reader): Promise<void> {
  await open('/p/told/notifications')
  const rows = page.getByRole('table', { name: 'Messages, newest first' }).getByRole('row')
  const failed = rows.filter({ hasText: 'The receiver answered 404.' })
  assert.equal(await rows.count(), 3)
  assert.match(
    words(await failed.innerText()),
    /^fails has failed .*there is no wind failed gone, 1 try .* no such hook/,
  )

  await failed.getByRole('button', { name: /^Resend/ }).click()
  await rows.filter({ hasText: 'gone, 1 try, sent again' }).waitFor()
  await page.getByRole('combobox', { name: 'State' }).selectOption('delivered')
  await page.waitForURL(/state=delivered/)
  await rows.filter({ hasText: 'gone' }).first().waitFor({ state: 'detached' })
  assert.equal(await rows.count(), 2)
  await page.getByRole('combobox', { name: 'Channel' }).selectOption('ops')
  await page.getByRole('heading', { name: 'Nothing matches this filter' }).waitFor()
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await rows.filter({ hasText: '404' }).first().waitFor()
}

/** With a reader of its own: the answer that refuses the state is a fault to the browser. */
async function badInput(browser: Browser, url: string): Promise<void> {
  const { page, open } = await readerOf(browser, url, desk)
  await open('/p/told/notifications?state=lost')
  const said = words(await page.getByRole('alert').innerText())
  assert.match(said, /state = lost: .*waiting.*delivered.*failed/)
  await page.getByRole('combobox', { name: 'State' }).selectOption('failed')
  await page.getByRole('table', { name: 'Messages, newest first' }).waitFor()
}

async function pausing({ page, open }: Reader): Promise<void> {
  await open('/p/told/pipelines')
  const line = page.getByRole('list', { name: 'Triggers of fails' }).getByRole('listitem')
  await line.getByRole('button', { name: 'Pause schedule of fails' }).click()
  await line.getByText(/paused by .* just now/).waitFor()
  await line.getByRole('button', { name: 'Resume schedule of fails' }).click()
  await line.getByText(/^next /).waitFor()
}

export async function notifications(
  t: TestContext,
  { browser, url, world }: { browser: Browser; url: string; world: World },
): Promise<void> {
  await makeProjects(world, await receiver(t))
  const reader = await readerOf(browser, url, desk)
  await t.test('channels say what they are told of, and what they make of a test', () => channels(reader))
  await t.test('messages are listed with their tries and answers, and sent again', () => log(reader))
  await t.test('a link with a state that is none says which there are', () => badInput(browser, url))
  await t.test('a trigger is paused and goes on', () => pausing(reader))
  await t.test('a project that tells nobody says how to', async () => {
    const small = await readerOf(browser, url, telephone)
    await small.open('/p/quiet/notifications')
    await small.page.getByRole('heading', { name: 'Nobody is told' }).waitFor()
    const widths = [await overflowOf(small.page)]
    for (const path of ['/p/told/notifications', '/p/told/pipelines']) {
      await small.open(path)
      widths.push(await overflowOf(small.page))
    }
    assert.deepEqual([widths, small.faults, reader.faults], [[0, 0, 0], [], []])
  })
}
