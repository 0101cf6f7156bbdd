import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import { fsBlobs } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { sqlCheckpointStore } from './checkpoint-store.sql.ts'
import { createCheckpoints } from './checkpoints.ts'
import { createNodeDesk } from './node-desk.ts'
import { hashOfNodeSecret, newNodeSecret, sealFor } from './node-token.ts'
import { attemptRoutes } from './routes.ts'
import { sqlRemoteStore } from './store.sql.ts'
import { computeMigrations } from './tables.ts'
import type { Assignment } from './wire.ts'

const host = { name: 'n1', platform: 'linux', cpus: 1, memoryBytes: 1, python: '3.11' }
const me = { rank: 0, instance: 'instance-1' }

async function open(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-desk-'))
  t.after(() => rm(folder, { recursive: true }))
  const blobs = fsBlobs(folder)
  const db = await testEngines()[0]!.open(t, computeMigrations)
  const store = sqlRemoteStore(db)
  const clock = manualClock(1_000)
  const app = await createApp({ version: '0' })
  const checkpoints = createCheckpoints({ store: sqlCheckpointStore(db), blobs, clock, retentionMs: 60_000 })
  attemptRoutes(app, createNodeDesk({ store, blobs, checkpoints, clock, heard: () => {} }))
  const rows = await blobs.put('rows')

  async function begin(checkpoint?: Assignment['checkpoint']) {
    const attempt = newId<'attempt'>('att')
    const secret = newNodeSecret()
    const times = { graceMs: 1, timeoutMs: 1, logMax: 1_000, beatMs: 1, patienceMs: 1 }
    const inputs = [{ name: 'rows', ...rows }]
    await store.open({
      attempt,
      executor: 'x',
      assignment: {
        command: 'true',
        mark: 'A=b',
        inputs,
        outputs: ['model'],
        ...times,
        ...(checkpoint && { checkpoint }),
      },
      at: 1,
    })
    const sealed = sealFor(secret, JSON.stringify({ variables: { KEY: 'word' }, mask: ['word'] }))
    await store.addToken({ hash: hashOfNodeSecret(secret), attempt, sealed, expiresAt: 2_000 })
    return { attempt, secret }
  }
  /** Calls a route of an attempt: status, and the JSON or the title of the problem. */
  async function call(
    { attempt, secret }: { attempt: string; secret?: string },
    [method, path]: readonly ['GET' | 'POST' | 'PUT', string],
    payload?: object | string,
  ): Promise<{ status: number; body: unknown }> {
    const isBytes = typeof payload === 'string'
    const answer = await app.inject({
      method,
      url: `/api/v1/attempts/${attempt}${path}`,
      headers: {
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
        ...(isBytes && { 'content-type': 'application/octet-stream' }),
      },
      ...(payload !== undefined && { payload }),
    })
    const isJson = String(answer.headers['content-type']).includes('json')
    return { status: answer.statusCode, body: isJson ? answer.json() : answer.body }
  }
  return { blobs, store, checkpoints, clock, rows, begin, call }
}

const statuses = async (...calls: readonly Promise<{ status: number }>[]): Promise<readonly number[]> =>
  (await Promise.all(calls)).map(({ status }) => status)

test('a node hears what to do, secrets among it, reads its inputs, and hands in what it made', async t => {
  const { begin, call, rows, blobs, store } = await open(t)
  const one = await begin()

  const { body } = await call(one, ['POST', '/claim'], { ...me, host })
  const { assignment, files } = body as { assignment: Record<string, unknown>; files: unknown[] }
  assert.deepEqual(
    [assignment['command'], assignment['variables'], assignment['mask'], files],
    ['true', { KEY: 'word' }, ['word'], []],
  )
  assert.deepEqual(await call(one, ['GET', `/blobs/${rows.digest}`]), { status: 200, body: 'rows' })
  const query = `rank=0&instance=${me.instance}`
  assert.deepEqual(await call(one, ['POST', `/log?${query}&position=0`], 'hello\n'), { status: 200, body: { next: 6 } })
  assert.deepEqual(await call(one, ['POST', `/log?${query}&position=0`], 'hello\n'), { status: 200, body: { next: 6 } })
  assert.deepEqual(await call(one, ['POST', '/heartbeat'], me), { status: 200, body: {} })
  const made = await blobs.put('weights')
  assert.deepEqual(await call(one, ['PUT', `/outputs/model?${query}`], 'weights'), { status: 200, body: made })
  await store.stop(one.attempt, 'cancelled')
  assert.deepEqual(await call(one, ['POST', '/heartbeat'], me), { status: 200, body: { stop: 'cancelled' } })
  assert.deepEqual(await call(one, ['POST', '/end'], { ...me, end: {} }), { status: 200, body: {} })
  assert.deepEqual(await store.outputs(one.attempt), { model: made })
})

test('a token is good for its own attempt, for what that reads and writes, and while it lasts', async t => {
  const { begin, call, blobs, clock, store } = await open(t)
  const [one, other] = [await begin(), await begin()]
  await call(one, ['POST', '/claim'], { ...me, host })
  const foreign = await blobs.put('somebody else’s')
  const query = `rank=0&instance=${me.instance}`

  assert.deepEqual(
    await statuses(
      call({ attempt: one.attempt }, ['POST', '/heartbeat'], me),
      call({ attempt: one.attempt, secret: newNodeSecret() }, ['POST', '/heartbeat'], me),
      call({ attempt: other.attempt, secret: one.secret }, ['POST', '/claim'], { ...me, host }),
      call({ attempt: newId('att'), secret: one.secret }, ['POST', '/heartbeat'], me),
      call(one, ['GET', `/blobs/${foreign.digest}`]),
      call(one, ['PUT', `/outputs/other?${query}`], 'x'),
      call(one, ['POST', '/claim'], { ...me, instance: 'instance-2', host }),
      call(one, ['POST', '/heartbeat'], { ...me, instance: 'instance-2' }),
      call(one, ['PUT', '/outputs/model?rank=0&instance=instance-2'], 'x'),
      call(one, ['POST', '/end'], { ...me, instance: 'instance-2', end: {} }),
    ),
    [401, 401, 403, 403, 404, 404, 409, 409, 409, 409],
  )
  await store.close(one.attempt, 1_500)
  assert.deepEqual(
    await statuses(
      call(one, ['POST', '/heartbeat'], me),
      call(one, ['POST', '/end'], { ...me, end: {} }),
      call(one, ['POST', '/claim'], { ...me, host }),
    ),
    [409, 409, 409],
  )
  clock.advance(1_000)
  assert.deepEqual(await statuses(call(other, ['POST', '/claim'], { ...me, host })), [401])
})

test('a node keeps files for the next attempt, those that it has put and below the folder, while its own is the last', async t => {
  const { begin, call, blobs, checkpoints } = await open(t)
  const [none, one] = [await begin(), await begin({ key: 'run/train', attempt: 2, everyMs: 1 })]
  for (const each of [none, one]) await call(each, ['POST', '/claim'], { ...me, host })
  const query = `rank=0&instance=${me.instance}`
  const put = await call(one, ['PUT', `/files?${query}`], 'weights')
  const { digest } = put.body as { digest: string }
  const keep = (path: string, of: string) =>
    call(one, ['POST', '/checkpoint'], { ...me, files: [{ path, digest: of, executable: false }] })

  assert.deepEqual(await keep('epochs/1', digest), { status: 200, body: {} })
  const tree = JSON.parse((await blobs.bytes((await checkpoints.find('run/train'))!)).toString())
  assert.deepEqual(tree, { 'epochs/1': { digest, size: 7, executable: false } })
  const refused = [
    await keep('../x', digest),
    await keep('/x', digest),
    await keep('x', 'f'.repeat(64)),
    await call(none, ['POST', '/checkpoint'], { ...me, files: [] }),
  ]
  assert.deepEqual(
    refused.map(({ status }) => status),
    [422, 422, 422, 404],
  )
  await checkpoints.keep({ key: 'run/train', number: 3 }, digestOf('later'))
  assert.equal((await keep('late', digest)).status, 409)
})

test('a courier that an earlier server has sent keeps its checkpoint under this one', async t => {
  const { begin, call, checkpoints } = await open(t)
  const one = await begin({ key: 'run/train', attempt: 1, everyMs: 1 })
  await call(one, ['POST', '/claim'], { ...me, host })

  const put = await call(one, ['PUT', `/checkpoint/files?rank=0&instance=${me.instance}`], 'weights')
  const { digest } = put.body as { digest: string }
  const kept = await call(one, ['POST', '/checkpoint'], { ...me, files: [{ path: 'a', digest, executable: false }] })

  assert.deepEqual(
    [put, kept.status, (await checkpoints.find('run/train')) !== undefined],
    [{ status: 200, body: { digest: digestOf('weights'), size: 7 } }, 200, true],
  )
})

test('an output may be a folder: of files that were put, below it, and of a name that was asked for', async t => {
  const { begin, call, blobs, store } = await open(t)
  const one = await begin()
  await call(one, ['POST', '/claim'], { ...me, host })
  const put = await call(one, ['PUT', `/files?rank=0&instance=${me.instance}`], 'weights')
  const { digest } = put.body as { digest: string }
  const hand = (name: string, path: string, of = digest) =>
    call(one, ['POST', `/outputs/${name}`], { ...me, files: [{ path, digest: of, executable: true }] })

  const { status, body } = await hand('model', 'data/model.pkl')
  const output = body as { digest: Digest; size: number }
  assert.deepEqual(
    [status, (await store.outputs(one.attempt))['model'], JSON.parse((await blobs.bytes(output.digest)).toString())],
    [200, { ...output, size: 7, files: 1 }, { 'data/model.pkl': { digest, size: 7, executable: true } }],
  )
  assert.deepEqual(
    await statuses(hand('model', '../x'), hand('model', 'x', 'f'.repeat(64)), hand('other', 'x')),
    [422, 422, 404],
  )
})

test('what is said wrong is refused by field', async t => {
  const { begin, call } = await open(t)
  const one = await begin()
  const { status, body } = await call(one, ['POST', '/claim'], { rank: -1, instance: 'x', host })

  assert.equal(status, 422)
  assert.match(JSON.stringify(body), /"body\.rank".*"body\.instance"/)
})
