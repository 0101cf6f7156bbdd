import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { createOutbox, fsBlobs, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { sqlBlobUploads } from './blob-uploads.sql.ts'
import { blobRoutes } from './blob-routes.ts'
import { rain } from './example.ts'
import { createProjects } from './projects.ts'
import { projectRoutes } from './routes.ts'
import { sqlProjectStore } from './store.sql.ts'
import { projectMigrations } from './tables.ts'

async function open(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-project-'))
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...projectMigrations])
  const outbox = createOutbox({ db, clock: manualClock(5_000), owner: 'test', warn: () => {} })
  const blobs = fsBlobs(join(folder, 'blobs'))
  const recorded: string[] = []
  const projects = createProjects({
    store: sqlProjectStore(db),
    outbox,
    blobs,
    clock: manualClock(5_000),
    record: async (_, revision) => void recorded.push(revision.id),
  })
  const app = await createApp({ version: '0' })
  const uploads = sqlBlobUploads(db, manualClock(5_000))
  projectRoutes(app, { projects, blobs, uploads, begun: async () => ['vision'] })
  blobRoutes(app, { blobs, uploads, reach: async () => [] })
  t.after(async () => {
    await app.close()
    await rm(folder, { recursive: true })
  })
  const call = async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object | string) => {
    const headers = typeof payload === 'string' ? { 'content-type': 'application/octet-stream' } : {}
    const reply = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    return {
      status: reply.statusCode,
      body: reply.headers['content-type']?.includes('json') ? reply.json() : reply.body,
      headers: reply.headers,
    }
  }
  return { call, blobs, projects, outbox, recorded, folder }
}

test('projects that have begun without a project file are named beside those that have one, on the first page', async t => {
  const { call } = await open(t)
  for (const project of ['rain', 'snow'])
    await call('PUT', `/api/v1/projects/${project}`, { spec: { ...rain(), name: project } })

  const first = await call('GET', '/api/v1/projects?limit=1')
  const second = await call('GET', `/api/v1/projects?limit=1&after=${first.body.next}`)

  assert.deepEqual(
    [first.body.items.length, first.body.begun, second.body.items.length, second.body.begun],
    [1, ['vision'], 1, undefined],
  )
})

test('a project file is planned, applied once, and then is what the project declares', async t => {
  const { call, outbox, recorded } = await open(t)

  const plan = await call('POST', '/api/v1/projects/rain/plan', { spec: rain() })
  const applied = await call('PUT', '/api/v1/projects/rain', { spec: rain() })
  const again = await call('PUT', '/api/v1/projects/rain', { spec: applied.body.revision.spec })

  assert.deepEqual([plan.status, applied.status, plan.body.changes], [200, 200, applied.body.changes])
  assert.deepEqual(again.body, { revision: applied.body.revision, changes: [], warnings: [] })
  assert.deepEqual((await call('GET', '/api/v1/projects/rain')).body, applied.body.revision)
  assert.deepEqual((await call('GET', '/api/v1/projects')).body.items, [
    { name: 'rain', goal: 'Tell whether it rains tomorrow.', revision: applied.body.revision.id, number: 1, at: 5_000 },
  ])
  assert.deepEqual((await call('GET', '/api/v1/projects/rain/revisions')).body, { items: [applied.body.revision] })
  assert.deepEqual(recorded, [applied.body.revision.id])
  assert.deepEqual(
    (await outbox.after(0, 10)).map(({ type, project, actor, data }) => ({ type, project, actor, data })),
    [
      {
        type: 'project.applied',
        project: 'rain',
        actor: 'anonymous',
        data: {
          project: 'rain',
          revision: applied.body.revision.id,
          number: 1,
          changes: plan.body.changes.map((change: { path: string }) => change.path),
        },
      },
    ],
  )
})

test('a file with a typo is refused with its field, and nothing has changed', async t => {
  const { call } = await open(t)
  await call('PUT', '/api/v1/projects/rain', { spec: rain() })

  const { status, body } = await call('PUT', '/api/v1/projects/rain', { spec: { ...rain(), deploymnets: {} } })

  assert.deepEqual(
    [status, body.type, body.problems],
    [422, '/errors/invalid', [{ field: 'deploymnets', allowed: 'no such field; did you mean deployments?' }]],
  )
  assert.equal((await call('GET', '/api/v1/projects/rain')).body.number, 1)
})

test('a file of another project, an unknown project, and a body that is no file are refused', async t => {
  const { call } = await open(t)

  const answers = [
    await call('PUT', '/api/v1/projects/snow', { spec: rain() }),
    await call('GET', '/api/v1/projects/snow'),
    await call('PUT', '/api/v1/projects/rain', { spec: 'rain' }),
  ]

  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.problems?.[0]?.field ?? body.key]),
    [
      [422, 'name'],
      [404, 'snow'],
      [422, 'body.spec'],
    ],
  )
})

test('bytes are uploaded and downloaded by digest, and only as an attachment', async t => {
  const { call, blobs } = await open(t)
  const [text, other] = ['<script>alert(1)</script>', 'other']

  const stored = await call('PUT', `/api/v1/blobs/${digestOf(text)}`, text)
  const refused = await call('PUT', `/api/v1/blobs/${digestOf(text)}`, other)
  const back = await call('GET', `/api/v1/blobs/${digestOf(text)}`)

  assert.deepEqual([stored.status, stored.body], [200, { digest: digestOf(text), size: text.length }])
  assert.deepEqual(
    [refused.status, refused.body.problems],
    [422, [{ field: 'digest', value: digestOf(text), allowed: digestOf(other) }]],
  )
  assert.equal(await blobs.find(digestOf(other)), undefined)
  assert.deepEqual(
    [
      back.body,
      back.headers['content-disposition'],
      back.headers['content-security-policy'],
      back.headers['x-content-type-options'],
    ],
    [text, `attachment; filename="${digestOf(text)}"`, 'sandbox', 'nosniff'],
  )
  assert.deepEqual((await call('POST', '/api/v1/blobs/missing', { digests: [digestOf(text), digestOf(other)] })).body, {
    missing: [digestOf(other)],
  })
})

test('a file that the repository lacks is named, and one that it has is read at the revision', async t => {
  const { call, blobs, projects } = await open(t)
  const put = async (content: string) => ({ ...(await blobs.put(content)), executable: false })
  const tree = {
    'features/transform.sql': await put('select 1'),
    'features/engineer.sql': await put('select 2'),
    'labels/rian.sql': await put('select 3'),
  }
  const code = (await blobs.put(canonicalJson(tree))).digest
  const whole = (await blobs.put(canonicalJson({ ...tree, 'labels/rain.sql': await put('select 3') }))).digest

  const refused = await call('PUT', '/api/v1/projects/rain', { spec: rain(), code })
  const applied = await projects.apply({ spec: rain(), code: whole, commit: 'c0ffee', actor: 'ada' })

  assert.deepEqual(refused.body.problems, [
    {
      field: 'labels.rain.sql',
      value: 'labels/rain.sql',
      allowed: 'a file of the repository; did you mean labels/rian.sql?',
    },
  ])
  assert.deepEqual(await projects.file(applied.revision, './features/engineer.sql'), {
    digest: digestOf('select 2'),
    text: 'select 2',
  })
  await assert.rejects(projects.file(applied.revision, 'nothing.sql'), { code: 'not_found' })
  assert.deepEqual(await projects.plan(rain(), code).catch(error => error.code), 'invalid')
})

test('code that was not uploaded, or is no tree, is refused', async t => {
  const { call, blobs, folder } = await open(t)
  await writeFile(join(folder, 'x'), 'no tree')
  const { digest } = await blobs.putFile(join(folder, 'x'))

  for (const code of [digestOf('nowhere'), digest]) {
    const { status, body } = await call('POST', '/api/v1/projects/rain/plan', { spec: rain(), code })
    assert.deepEqual([status, body.problems[0].field], [422, 'code'])
  }
})
