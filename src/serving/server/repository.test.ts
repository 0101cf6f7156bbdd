import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { ServingKey } from '../keys-file.ts'
import { inputs, makeBundle, openBench } from '../testing.ts'

test('a model is unloaded and loaded by who may divide its traffic, and a new process remembers it', async t => {
  const keyOf = (secret: string, key: Partial<ServingKey>): ServingKey => ({
    hash: digestOf(secret),
    name: secret,
    reads: [],
    asks: [],
    ...key,
  })
  const keys = [
    keyOf('viewer', { reads: ['rain'] }),
    keyOf('editor', { reads: ['rain'], asks: ['rain'] }),
    keyOf('shop', { asks: ['rain'], deployments: ['rain'] }),
  ]
  const { serving, deploy, blobs, infer, folder } = await openBench(t, { host: '0.0.0.0', keys: async () => keys })
  await deploy(await makeBundle(blobs))
  const { port } = new URL(serving.url())
  const post = async (path: string, who: string, body = '') => {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/repository/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${who}` },
      body,
    })
    return { status: answer.status, text: await answer.text() }
  }
  const asked = async () => (await infer(inputs([0, 0]), { headers: { authorization: 'Bearer shop' } })).status
  const index = async (body = '') => JSON.parse((await post('index', 'viewer', body)).text) as object[]

  assert.deepEqual(
    await Promise.all(['viewer', 'shop'].map(async who => (await post('models/rain/unload', who)).status)),
    [403, 403],
  )
  assert.deepEqual(await index(), [{ name: 'rain', version: '1', state: 'READY', reason: '' }])
  assert.deepEqual(await post('models/rain/unload', 'editor'), { status: 200, text: '' })
  assert.equal(await asked(), 503)
  assert.deepEqual(await index(), [{ name: 'rain', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' }])
  assert.deepEqual(await index('{"ready":true}'), [])

  await serving.restartServing()
  assert.equal(await asked(), 503)
  assert.match(
    (await post('models/rain/load', 'editor', '{"parameters":{"config":"{}"}}')).text,
    /Parameter config: a load brings no model/,
  )
  assert.deepEqual(await post('models/rain/load', 'editor', '{}'), { status: 200, text: '' })
  // The connection may still have led to the process before, which says it in a file.
  for (const deadline = Date.now() + 5_000; (await asked()) !== 200;) assert.ok(Date.now() < deadline)

  await post('models/rain/unload', 'editor')
  const bundles = join(folder, 'serving/bundles')
  const [bundle] = await readdir(bundles)
  await rename(join(bundles, bundle!, 'model.onnx'), join(bundles, 'aside'))
  const refused = await post('models/rain/load', 'editor')
  assert.equal(refused.status, 409)
  assert.match(refused.text, /^\{"error":"Revision 1 of rain cannot be loaded: .*","code":"conflict","request_id":/)
  await rename(join(bundles, 'aside'), join(bundles, bundle!, 'model.onnx'))

  await deploy(await makeBundle(blobs, { change: { number: 2 } }))
  assert.equal(await asked(), 200)
})
