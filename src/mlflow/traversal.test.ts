import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { testArtifacts } from './artifact-testing.ts'

/** Forms under which a path has reached beyond its root in MLflow and elsewhere: see CVE-2023-1177, -6730, -6831, -2024-1560, -1593. */
const escapes = [
  '../../../2/r2/artifacts/secret',
  '..%2f..%2f..%2f2/r2/artifacts/secret',
  '%2e%2e/%2e%2e/%2e%2e/2/r2/artifacts/secret',
  '%252e%252e%252f%252e%252e%252f%252e%252e%252f2%252fr2%252fartifacts%252fsecret',
  '%25252e%25252e%25252f2',
  '..%5c..%5c..%5c2%5cr2',
  '..\\..\\2',
  '..;/..;/..;/2/r2/artifacts/secret',
  '..;x=1/..;y=2/2',
  'a/..;/../../../2/r2/artifacts/secret',
  './../.././../2/r2/artifacts/secret',
  'a/%2e%2e%2f../../../../2/r2/artifacts/secret',
  '%2e%2e%20/2',
  'C:/Windows/win.ini',
  'c%3a%5cWindows',
  'x%23/../../secret',
  'x%2500/../secret/..',
  '%ff%2e%2e/%2e%2e/2',
  `%${'25'.repeat(12)}2e/x`,
  'x'.repeat(2000),
  '%ed%a0%80/..',
]

/** Absolute paths: behind a root they are repeated slashes, by themselves they are refused. */
const absolute = [
  '/etc/passwd',
  '%2fetc%2fpasswd',
  '%252fetc%252fpasswd',
  'file:///etc/passwd',
  'file:%2f%2f%2fetc%2fpasswd',
]

/** Control characters: encoded twice they stay a text, as they do with MLflow. */
const controls = ['x%00.txt', 'x%0d%0aSet-Cookie:a', 'x%1b%5b0m']

const base = '/api/2.0/mlflow-artifacts'

test('no form of a path reaches beyond its root, over any route that takes one', async t => {
  const { app, stored } = await testArtifacts(t)
  const put = (path: string, payload: string) =>
    app.inject({ method: 'PUT', url: `${base}/artifacts/${path}`, payload })
  await put('1/r1/artifacts/kept', 'kept')
  await put('2/r2/artifacts/secret', 'secret')
  const before = await stored()

  const wrong: unknown[] = []
  const server = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const attempt = async (method: string, path: string, body?: object | string): Promise<void> => {
    const { status, text } = await rawRequest({ agent, port: server.port, method, path }, body)
    if ((status !== 400 && status !== 404) || text.includes('/work/') || !text.startsWith('{"'))
      wrong.push([method, path, body, status, text.slice(0, 100)])
  }
  for (const escape of [...escapes, ...controls, ...absolute]) {
    const query = controls.includes(escape) ? escape : encodeURIComponent(escape)
    for (const root of absolute.includes(escape) ? [''] : ['1/r1/artifacts/', '']) {
      await attempt('GET', `${base}/artifacts/${root}${escape}`)
      await attempt('PUT', `${base}/artifacts/${root}${escape}`, 'overwritten')
      await attempt('DELETE', `${base}/artifacts/${root}${escape}`)
      await attempt('GET', `${base}/presigned/${root}${escape}`)
      await attempt('POST', `${base}/mpu/create/${root}${escape}`, { path: 'x', num_parts: 1 })
      await attempt('GET', `${base}/artifacts?path=${encodeURIComponent(root)}${query}`)
    }
    for (const text of [escape, query]) {
      await attempt('GET', `/get-artifact?run_id=r1&path=${text}`)
      await attempt('GET', `/model-versions/get-artifact?name=m&version=1&path=${text}`)
      await attempt('GET', `/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=${text}`)
      await attempt('POST', `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r1&path=${text}`, 'overwritten')
    }
  }

  assert.deepEqual(wrong, [])
  assert.deepEqual(
    [(await app.inject(`${base}/artifacts/2/r2/artifacts/secret`)).body, await stored()],
    ['secret', before],
  )
  assert.deepEqual((await app.inject(base.concat('/artifacts?path=1/r1/artifacts'))).json(), {
    files: [{ path: 'kept', is_dir: false, file_size: 4 }],
  })
})

test('a run whose location was made crooked opens nothing', async t => {
  const { app } = await testArtifacts(t)

  const answers = [
    await app.inject('/get-artifact?run_id=crooked&path=secret'),
    await app.inject('/api/2.0/mlflow/artifacts/list?run_id=crooked'),
    await app.inject({
      method: 'POST',
      url: '/ajax-api/2.0/mlflow/upload-artifact?run_uuid=crooked&path=x',
      payload: 'y',
    }),
  ]

  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [400, 400, 400],
  )
})

/** Inject and fetch tidy paths before they send them: this sends what it is given. */
const rawRequest = (
  to: { agent: Agent; port: string; method: string; path: string },
  body?: object | string,
): Promise<{ status: number; text: string }> =>
  new Promise((done, failed) => {
    const text = typeof body === 'object' ? JSON.stringify(body) : body
    const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {}
    const length = text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }
    request({ ...to, host: '127.0.0.1', headers: { ...type, ...length } }, async response => {
      const chunks = (await response.toArray()) as Buffer[]
      done({ status: response.statusCode!, text: Buffer.concat(chunks).toString() })
    })
      .on('error', failed)
      .end(text)
  })
