import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { testArtifacts } from './artifact-testing.ts'

const proxy = '/api/2.0/mlflow-artifacts/artifacts'

test('a file goes up, is listed by its name, comes back as an attachment, and goes', async t => {
  const { app } = await testArtifacts(t)

  const put = await app.inject({
    method: 'PUT',
    url: `${proxy}/1/r1/artifacts/model/MLmodel`,
    headers: { 'content-type': 'application/octet-stream' },
    payload: 'flavors:',
  })
  const listed = await app.inject(`${proxy}?path=1/r1/artifacts`)
  const inside = await app.inject(`/ajax-api/2.0/mlflow-artifacts/artifacts?path=1/r1/artifacts/model`)
  const got = await app.inject(`${proxy}/1/r1/artifacts/model/MLmodel`)
  const gone = await app.inject({ method: 'DELETE', url: `${proxy}/1/r1/artifacts/model`, payload: '{}' })
  const missing = await app.inject(`${proxy}/1/r1/artifacts/model/MLmodel`)

  assert.deepEqual(
    [put.json(), listed.json(), inside.json(), got.body, gone.json()],
    [
      {},
      { files: [{ path: 'model', is_dir: true }] },
      { files: [{ path: 'MLmodel', is_dir: false, file_size: 8 }] },
      'flavors:',
      {},
    ],
  )
  const { date: _, connection: __, ...headers } = got.headers
  assert.deepEqual(headers, {
    'content-type': 'text/plain; charset=utf-8',
    'content-disposition': 'attachment; filename="MLmodel"',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    etag: `"${digestOf('flavors:')}"`,
    'content-length': '8',
  })
  assert.deepEqual([missing.statusCode, missing.json().error_code], [404, 'RESOURCE_DOES_NOT_EXIST'])
})

test('empty files, names beyond ASCII and names with percent signs come back as they went', async t => {
  const { app } = await testArtifacts(t)
  const names = ['leer', 'größe 100%.txt', 'k%step%1%timestamp%1700000000%ab12.png', 'quote\'"s.csv', 'a;b:c&d.txt']

  for (const name of names)
    await app.inject({ method: 'PUT', url: `${proxy}/1/r1/artifacts/${encodeURIComponent(name)}`, payload: '' })
  const listed: { files: { path: string; file_size?: number }[] } = (
    await app.inject(`${proxy}?path=${encodeURIComponent('1/r1/artifacts')}`)
  ).json()
  const back = []
  for (const { path } of listed.files) {
    const { statusCode, headers } = await app.inject(`${proxy}/1/r1/artifacts/${encodeURIComponent(path)}`)
    back.push([statusCode, headers['content-length'], headers['content-disposition']])
  }

  assert.equal(listed.files.length, names.length)
  assert.ok(listed.files.every(file => file.file_size === undefined))
  assert.deepEqual(
    back.filter(([status, length]) => status !== 200 || length !== '0'),
    [],
  )
  assert.ok(
    back.some(
      ([, , header]) =>
        header === `attachment; filename="gr__e 100_.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20100%25.txt`,
    ),
  )
})

test('a part of a file is answered for a range, all of it when the file has changed', async t => {
  const { app } = await testArtifacts(t)
  const url = `${proxy}/1/r1/artifacts/a.bin`
  await app.inject({ method: 'PUT', url, payload: '0123456789' })
  const ranged = async (range: string, more = {}): Promise<unknown> => {
    const { statusCode, headers, body } = await app.inject({ url, headers: { range, ...more } })
    return [statusCode, headers['content-range'], headers['content-length'], body]
  }

  assert.deepEqual(
    [
      await ranged('bytes=2-4'),
      await ranged('bytes=7-'),
      await ranged('bytes=-3'),
      await ranged('bytes=8-99'),
      await ranged('bytes=10-'),
      await ranged('bytes=4-2'),
      await ranged('bytes=0-1,4-5'),
      await ranged('bytes=0-1', { 'if-range': '"other"' }),
      await ranged('bytes=0-1', { 'if-range': `"${digestOf('0123456789')}"` }),
    ],
    [
      [206, 'bytes 2-4/10', '3', '234'],
      [206, 'bytes 7-9/10', '3', '789'],
      [206, 'bytes 7-9/10', '3', '789'],
      [206, 'bytes 8-9/10', '2', '89'],
      [416, 'bytes */10', '0', ''],
      [200, undefined, '10', '0123456789'],
      [200, undefined, '10', '0123456789'],
      [200, undefined, '10', '0123456789'],
      [206, 'bytes 0-1/10', '2', '01'],
    ],
  )
  const head = await app.inject({ method: 'HEAD', url })
  assert.deepEqual([head.statusCode, head.headers['content-length'], head.body], [200, '10', ''])
})

test('a directory is no file, nothing goes below a file, and the root cannot be deleted', async t => {
  const { app } = await testArtifacts(t)
  await app.inject({ method: 'PUT', url: `${proxy}/1/r1/artifacts/d/f`, payload: 'x' })
  const status = async (method: 'GET' | 'PUT' | 'DELETE', path: string): Promise<unknown> => {
    const answer = await app.inject({ method, url: `${proxy}/${path}`, ...(method === 'PUT' ? { payload: 'y' } : {}) })
    return [answer.statusCode, answer.json().error_code]
  }

  assert.deepEqual(
    [
      await status('PUT', '1/r1/artifacts/d'),
      await status('PUT', '1/r1/artifacts/d/f/below'),
      await status('GET', '1/r1/artifacts/d'),
      await status('DELETE', ''),
      await status('DELETE', '.'),
      await status('DELETE', '%2e'),
      await status('GET', '9/r1/artifacts/d'),
      await status('PUT', 'x/y'),
      await status('DELETE', '1/r1/artifacts/nothing'),
    ],
    [
      [400, 'INVALID_PARAMETER_VALUE'],
      [400, 'INVALID_PARAMETER_VALUE'],
      [400, 'INVALID_PARAMETER_VALUE'],
      [400, 'INVALID_PARAMETER_VALUE'],
      [400, 'INVALID_PARAMETER_VALUE'],
      [400, 'INVALID_PARAMETER_VALUE'],
      [404, 'RESOURCE_DOES_NOT_EXIST'],
      [404, 'RESOURCE_DOES_NOT_EXIST'],
      [200, undefined],
    ],
  )
  assert.deepEqual((await app.inject(`${proxy}?path=1/r1/artifacts/d`)).json(), {
    files: [{ path: 'f', is_dir: false, file_size: 1 }],
  })
})

test('an upload that breaks off leaves what was there, and no bytes behind', async t => {
  const { app, stored } = await testArtifacts(t)
  await app.inject({ method: 'PUT', url: `${proxy}/1/r1/artifacts/a`, payload: 'whole' })
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const before = await stored()

  await new Promise<void>(done => {
    const broken = httpRequest({
      host: url.hostname,
      port: url.port,
      method: 'PUT',
      path: `${proxy}/1/r1/artifacts/a`,
      headers: { 'content-length': '1000000' },
    })
    broken.on('error', () => done())
    broken.write('half of it')
    setTimeout(() => broken.destroy(), 100)
  })
  await new Promise(done => setTimeout(done, 200))

  assert.deepEqual([(await app.inject(`${proxy}/1/r1/artifacts/a`)).body, await stored()], ['whole', before])
})

test('bodies beyond the limit of the API go up, and those from a form have 10 MB at most', async t => {
  const { app } = await testArtifacts(t)
  const size = 20 * 1024 * 1024
  // What is sent is given away.
  const large = (): Buffer => Buffer.alloc(size, 7)
  const form = (path: string, payload: string | Buffer) =>
    app.inject({ method: 'POST', url: `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r1&path=${path}`, payload })

  const put = await app.inject({ method: 'PUT', url: `${proxy}/1/r1/artifacts/large`, payload: large() })
  const answers = [await form('notes.txt', 'hello'), await form('x', large()), await form('y', ''), await form('', 'x')]

  assert.deepEqual([put.statusCode, answers.map(answer => answer.statusCode)], [200, [200, 400, 400, 400]])
  assert.deepEqual((await app.inject('/api/2.0/mlflow/artifacts/list?run_id=r1')).json(), {
    root_uri: 'mlflow-artifacts:/1/r1/artifacts',
    files: [
      { path: 'large', is_dir: false, file_size: size },
      { path: 'notes.txt', is_dir: false, file_size: 5 },
    ],
  })
})

test('files are found through their run, logged model and version, which are relative to their own root', async t => {
  const { app } = await testArtifacts(t)
  await app.inject({ method: 'PUT', url: `${proxy}/1/r1/artifacts/plots/roc.svg`, payload: '<svg onload=alert(1)>' })
  await app.inject({ method: 'PUT', url: `${proxy}/1/models/m-1/artifacts/MLmodel`, payload: 'flavors' })
  const text = async (url: string): Promise<unknown> => {
    const { statusCode, body, headers } = await app.inject(url)
    return [statusCode, statusCode === 200 ? body : headers['content-type']]
  }

  assert.deepEqual(
    [
      await text('/get-artifact?run_uuid=r1&path=plots/roc.svg'),
      await text('/get-artifact?run_id=elsewhere&path=x'),
      await text('/get-artifact?path=x'),
      await text('/model-versions/get-artifact?name=umbrella&version=1&path=data/model.onnx'),
      await text('/model-versions/get-artifact?name=umbrella&version=one&path=data/model.onnx'),
      await text('/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=MLmodel'),
    ],
    [
      [200, '<svg onload=alert(1)>'],
      [400, 'application/json'],
      [400, 'application/json'],
      [200, 'frozen'],
      [400, 'application/json'],
      [200, 'flavors'],
    ],
  )
  assert.deepEqual(
    [
      (await app.inject('/api/2.0/mlflow/artifacts/list?run_id=r1&path=plots')).json(),
      (await app.inject('/api/2.0/mlflow/logged-models/m-1/artifacts/directories')).json(),
      (await app.inject(`${proxy}?path=model-versions/mdv_1`)).json(),
      (await app.inject(`${proxy}?path=model-versions/mdv_1/data`)).json(),
      (await app.inject(proxy)).json(),
    ],
    [
      {
        root_uri: 'mlflow-artifacts:/1/r1/artifacts',
        files: [{ path: 'plots/roc.svg', is_dir: false, file_size: 21 }],
      },
      {
        root_uri: 'mlflow-artifacts:/1/models/m-1/artifacts',
        files: [{ path: 'MLmodel', is_dir: false, file_size: 7 }],
      },
      { files: [{ path: 'data', is_dir: true }] },
      { files: [{ path: 'model.onnx', is_dir: false, file_size: 6 }] },
      { files: [{ path: '1', is_dir: true }] },
    ],
  )
})

test('an experiment with a location of its own has its files there, and nobody else has', async t => {
  const { app } = await testArtifacts(t)
  const put = async (path: string): Promise<number> =>
    (await app.inject({ method: 'PUT', url: `${proxy}/${path}`, payload: 'x' })).statusCode

  assert.deepEqual(
    [
      await put('lake/deep/moved/artifacts/a'),
      await put('lake/deep/other/artifacts/a'),
      await put('lake/moved/artifacts/a'),
      await put('lake/deep/r1/artifacts/a'),
      await put('lake/a'),
      await put('99/moved/artifacts/a'),
      (await app.inject('/get-artifact?run_id=moved&path=a')).body,
      (await app.inject({ method: 'DELETE', url: `${proxy}/lake` })).statusCode,
    ],
    [200, 404, 404, 404, 404, 404, 'x', 404],
  )
})

test('the files of a version are never written', async t => {
  const { app } = await testArtifacts(t)
  const url = `${proxy}/model-versions/mdv_1/data/model.onnx`

  const put = await app.inject({ method: 'PUT', url, payload: 'other' })
  const deleted = await app.inject({ method: 'DELETE', url })

  assert.deepEqual([put.statusCode, deleted.statusCode, (await app.inject(url)).body], [403, 403, 'frozen'])
})
