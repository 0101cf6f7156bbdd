import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStage } from './authorisation-stage.ts'

test('the model server asks for the same tokens, and forgets them as soon', async t => {
  const stage = await openStage(t)
  const { serving, access } = stage.parts
  t.after(() => serving.stopServing())
  await serving.start()
  const { port } = new URL(serving.url())
  const key = await access.createToken({ name: 'shop', deployments: ['rain'] })
  const statusOf = async (headers: Record<string, string>, path = 'v2/models'): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/${path}`, { headers })).status
  const becomes = async (headers: Record<string, string>, status: number): Promise<void> => {
    const deadline = Date.now() + 20_000
    while ((await statusOf(headers)) !== status) assert.ok(Date.now() < deadline, `it never answers ${status}`)
  }
  const shop = { authorization: `Bearer ${key.secret}` }

  await becomes(shop, 200)
  assert.deepEqual(
    [await statusOf({}), await statusOf({}, 'metrics'), await statusOf(shop, 'metrics'), await statusOf({}, 'healthz')],
    [401, 401, 403, 200],
  )
  await access.revokeToken(key.token.id)
  await becomes(shop, 401)
})
