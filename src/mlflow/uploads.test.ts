import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { testArtifacts, type TestArtifacts } from './artifact-testing.ts'

const base = '/api/2.0/mlflow-artifacts'
const directory = '1/r1/artifacts/model'

interface Created {
  readonly upload_id: string
  readonly credentials: readonly { readonly url: string; readonly part_number: number; readonly headers: object }[]
}

/** A client of multipart uploads, as the MLflow client is one. */
async function client(t: TestContext) {
  const test = await testArtifacts(t)
  const post = (call: string, body: object, path = directory) =>
    test.app.inject({ method: 'POST', url: `${base}/mpu/${call}/${path}`, payload: body })
  return {
    ...test,
    post,
    create: async (parts: number): Promise<Created> =>
      (await post('create', { path: '/home/me/weights.bin', num_parts: parts })).json(),
    send: async (url: string, payload: string) => test.app.inject({ method: 'PUT', url: localOf(url), payload }),
    complete: (upload_id: string, etags: readonly string[]) =>
      post('complete', {
        path: '/home/me/weights.bin',
        upload_id,
        parts: etags.map((etag, index) => ({ part_number: index + 1, etag, url: '' })),
      }),
    file: async () => {
      const { statusCode, body } = await test.app.inject(`${base}/artifacts/${directory}/weights.bin`)
      return statusCode === 200 ? body : statusCode
    },
  }
}

const localOf = (url: string): string => new URL(url).pathname + new URL(url).search

test('parts that come in any order and again become one file, which is there only when it is whole', async t => {
  const { create, send, complete, file, stored } = await client(t)
  const { upload_id, credentials } = await create(3)

  const etags: string[] = []
  for (const [number, text] of [
    [3, 'ccc'],
    [1, 'aaa'],
    [2, 'xxx'],
    [2, 'bbb'],
  ] as const) {
    const answer = await send(credentials[number - 1]!.url, text)
    etags[number - 1] = String(answer.headers['etag'])
  }
  const before = await file()
  const done = await complete(upload_id, etags)
  const again = await complete(upload_id, etags)

  assert.deepEqual(
    [etags, before, done.json(), again.json(), await file()],
    [['aaa', 'bbb', 'ccc'].map(text => `"${digestOf(text)}"`), 404, {}, {}, 'aaabbbccc'],
  )
  assert.deepEqual((await stored()).toSorted(), [digestOf('aaabbbccc'), digestOf('frozen')].toSorted())
})

test('an upload is not completed without all of its parts as they were sent', async t => {
  const { create, send, complete, file } = await client(t)
  const { upload_id, credentials } = await create(2)
  await send(credentials[0]!.url, 'aaa')

  const answers = [
    await complete(upload_id, [digestOf('aaa')]),
    await complete(upload_id, [digestOf('aaa'), digestOf('bbb')]),
    await complete('0'.repeat(32), [digestOf('aaa')]),
  ]
  await send(credentials[1]!.url, 'bbb')
  answers.push(await complete(upload_id, [digestOf('aaa'), digestOf('other')]))

  assert.deepEqual(
    [answers.map(({ statusCode, json }) => [statusCode, json().error_code]), await file()],
    [
      [
        [400, 'INVALID_PARAMETER_VALUE'],
        [400, 'INVALID_PARAMETER_VALUE'],
        [404, 'RESOURCE_DOES_NOT_EXIST'],
        [400, 'INVALID_PARAMETER_VALUE'],
      ],
      404,
    ],
  )
})

test('an aborted upload leaves nothing, and takes no more parts', async t => {
  const { create, send, post, stored } = await client(t)
  const before = await stored()
  const { upload_id, credentials } = await create(1)
  await send(credentials[0]!.url, 'aaa')

  const abort = () => post('abort', { path: 'weights.bin', upload_id })
  const aborted = await abort()
  const late = await send(credentials[0]!.url, 'aaa')

  assert.deepEqual([aborted.json(), late.statusCode, await stored()], [{}, 404, before])
})

test('an upload that was left is resumed from what came, and swept when it is a day old', async t => {
  const { create, send, post, complete, clock, file, stored } = await client(t)
  const { upload_id, credentials } = await create(2)
  await send(credentials[0]!.url, 'aaa')

  clock.advance(3_600_000)
  const resumed: Created & { parts: unknown } = (await post('resume', { path: 'weights.bin', upload_id })).json()
  await send(resumed.credentials[1]!.url, 'bbb')
  await complete(upload_id, [digestOf('aaa'), digestOf('bbb')])
  const whole = await file()
  const left = await create(1)
  await send(left.credentials[0]!.url, 'ccc')
  clock.advance(25 * 3_600_000)
  const late = await send(left.credentials[0]!.url, 'ccc')
  await create(1)

  assert.deepEqual(
    [resumed.parts, whole, late.statusCode, (await stored()).length],
    [[{ part_number: 1, etag: digestOf('aaa'), size: 3 }], 'aaabbb', 403, 2],
  )
})

test('a signed URL is good for its own part or file, unchanged and in its time', async t => {
  const { app, create, send, clock } = await client(t)
  const { credentials } = await create(2)
  const url = localOf(credentials[0]!.url)
  await app.inject({ method: 'PUT', url: `${base}/artifacts/${directory}/a.bin`, payload: 'x'.repeat(17 << 20) })
  await app.inject({ method: 'PUT', url: `${base}/artifacts/${directory}/b.bin`, payload: 'small' })

  const large = (await app.inject(`${base}/presigned/${directory}/a.bin`)).json()
  const small = (await app.inject(`${base}/presigned/${directory}/b.bin`)).json()
  const status = async (method: 'GET' | 'PUT', to: string): Promise<number> =>
    (await app.inject({ method, url: to, ...(method === 'PUT' ? { payload: 'x' } : {}) })).statusCode
  const ranged = await app.inject({ url: localOf(large.url), headers: { range: 'bytes=2-4' } })
  const answers = [
    await status('GET', localOf(small.url)),
    await status('GET', localOf(small.url).replace('b.bin', 'c.html')),
    await status('GET', localOf(small.url).replace('size=5', 'size=6')),
    await status('PUT', url.replace('/1?', '/2?')),
    await status('PUT', url.replace(/signature=../, 'signature=00')),
    await status('PUT', url.replace(/&signature.*/, '')),
    await status('PUT', url.replace(/expires=\d+/, 'expires=99999999999999')),
  ]
  clock.advance(2 * 3_600_000)
  answers.push(await status('GET', localOf(small.url)))

  assert.deepEqual(
    [ranged.statusCode, ranged.body, large.file_size, small.file_size, answers],
    [206, 'xxx', 17 << 20, undefined, [200, 403, 403, 403, 403, 403, 403, 403]],
  )
  assert.equal((await send(credentials[0]!.url, 'in time')).statusCode, 200)
})

test('an upload cannot go where a file cannot, and is addressed by its own path alone', async t => {
  const { app, create, post, complete } = await client(t)
  await app.inject({ method: 'PUT', url: `${base}/artifacts/${directory}/taken/x`, payload: 'x' })
  const { upload_id } = await create(1)
  const status = async (answer: Promise<{ statusCode: number }>): Promise<number> => (await answer).statusCode

  assert.deepEqual(
    [
      await status(post('create', { path: 'x', num_parts: 0 })),
      await status(post('create', { path: 'x', num_parts: 10_001 })),
      await status(post('create', { path: '..', num_parts: 1 })),
      await status(post('create', { path: 'x/', num_parts: 1 })),
      await status(post('create', { path: 'x', num_parts: 1 }, 'model-versions/mdv_1')),
      await status(post('create', { path: 'x', num_parts: 1 }, '9/r1/artifacts')),
      await status(post('create', { num_parts: 1 })),
      await status(post('abort', { path: 'other.bin', upload_id })),
      await status(post('abort', { path: 'weights.bin', upload_id }, '2/r1/artifacts/model')),
      await status(complete(upload_id, [])),
    ],
    [400, 400, 400, 400, 403, 404, 400, 404, 404, 400],
  )
})

test('a client is told what this server can, whoever it is', async t => {
  const { app }: TestArtifacts = await testArtifacts(t)

  assert.deepEqual((await app.inject('/api/3.0/mlflow/server-info')).json(), {
    store_type: 'SqlStore',
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: true,
    multipart_downloads_enabled: true,
    presigned_upload_run_id_supported: false,
    presigned_upload_model_id_supported: false,
    features_enabled: { gateway: false },
  })
})
