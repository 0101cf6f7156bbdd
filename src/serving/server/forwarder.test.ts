import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { segmentName } from '../segment-name.ts'
import { startForwarder } from './forwarder.ts'

/** A platform that is away for its first requests, and then takes all lines but those that say "bad". */
async function platform(t: TestContext, awayFor = 0) {
  const told: string[] = []
  let requests = 0
  const server = createServer(async (request, response) => {
    const lines = (await text(request)).split('\n')
    if (requests++ < awayFor) return void response.writeHead(503).end('{"error":"not now"}')
    told.push(`${request.url} ${request.headers.authorization} ${lines.length}`)
    const refused = lines.filter(line => line.includes('bad')).length
    response.end(JSON.stringify({ taken: lines.length - refused, refused }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function segments(t: TestContext, contents: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-forward-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [counter, content] of contents.entries())
    await writeFile(join(folder, segmentName({ startedAt: 1, pid: 0, ticks: 0, counter })), content)
  return folder
}

const line = (deployment: string, more = ''): string => `{"id":"x${more}","deployment":"${deployment}"}\n`
const forward = (folder: string, url: string, bytesMax = 1e9) => {
  const warnings: string[] = []
  const intake = { url, token: 'secret' }
  const forwarder = startForwarder({ folder, intake, bytesMax, warn: sentence => void warnings.push(sentence) })
  return { ...forwarder, warnings }
}
const gone = async (folder: string): Promise<void> => {
  for (const end = Date.now() + 15_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20)))
    if ((await readdir(folder)).length === 0) return
  throw new Error('Segments were left for 15 s.')
}

test('segments are sent in parts, by deployment, and are gone when they are taken', async t => {
  const { told, url } = await platform(t)
  const folder = await segments(t, [line('rain').repeat(6_000), `${line('rain', 'bad')}${line('snow')}{"torn`])
  const { tally, stop, warnings } = forward(folder, url)
  await gone(folder)
  await stop()

  assert.deepEqual(told, [
    '/v2/models/rain/predictions Bearer secret 5000',
    '/v2/models/rain/predictions Bearer secret 1000',
    '/v2/models/rain/predictions Bearer secret 1',
    '/v2/models/snow/predictions Bearer secret 1',
  ])
  assert.deepEqual(tally(), { sent: 6_001, refused: 1, dropped: 0 })
  assert.deepEqual(warnings, [`1 of 1 predictions of rain were refused by ${url}.`])
})

test('what cannot be sent waits, and is said once', async t => {
  const { told, url } = await platform(t, 2)
  const folder = await segments(t, [line('rain')])
  const { tally, stop, warnings } = forward(folder, url)
  await gone(folder)
  await stop()

  assert.deepEqual([told.length, tally()], [1, { sent: 1, refused: 0, dropped: 0 }])
  assert.deepEqual(warnings, [`Predictions wait: ${url} cannot be told: Error: 503: not now`])
})

test('when too much waits the oldest are let go, and who stops sends what is left', async t => {
  const { told, url } = await platform(t)
  const folder = await segments(t, [line('rain').repeat(3), line('rain'), line('rain')])
  const { tally, stop } = forward(folder, url, 2 * line('rain').length)
  await stop()

  assert.deepEqual([told.length, tally()], [2, { sent: 2, refused: 0, dropped: 3 }])
})
