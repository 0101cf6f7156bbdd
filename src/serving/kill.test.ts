import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { inputs, makeBundle, openBench, windModel, type Bench } from './testing.ts'

const serverPid = async ({ folder }: Bench): Promise<number> =>
  (JSON.parse(await readFile(join(folder, 'serving', 'server.json'), 'utf8')) as { pid: number }).pid
const until = async (condition: () => Promise<boolean>, ms = 60_000): Promise<void> => {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not happen in time.')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('a killed model server is back at once, and what it answered is in the log', async (t: TestContext) => {
  const bench = await openBench(t)
  const { deploy, blobs, serving, infer, folder } = bench
  await deploy(await makeBundle(blobs))
  const answered = await Promise.all(Array.from({ length: 20 }, (_, i) => infer(inputs([i, 0]))))
  const pid = await serverPid(bench)

  process.kill(pid, 'SIGKILL')
  const killedAt = Date.now()
  await until(async () => (await infer(inputs([0, 0])).catch(() => undefined))?.status === 200)

  // A second where nothing else runs; this machine may be busy.
  assert.ok(Date.now() - killedAt < 4_000, `${Date.now() - killedAt} ms`)
  await serving.collect()
  const ids = new Set((await serving.predictions({ deployment: 'rain', limit: 100 })).items.map(({ id }) => id))
  assert.deepEqual(
    answered.filter(({ body }) => !ids.has(body.parameters.prediction_id)),
    [],
  )
  assert.equal(ids.size, 21)
  assert.notEqual(await serverPid({ ...bench, folder }), pid)
})

test('a model server comes back at its port, also when what is left of the former still holds it for a moment', async t => {
  const bench = await openBench(t)
  const { deploy, blobs, serving, again } = bench
  await deploy(await makeBundle(blobs))
  const url = new URL(serving.url())
  await serving.stop()
  process.kill(await serverPid(bench), 'SIGKILL')
  const rest = createServer()
  await until(
    () =>
      new Promise(done =>
        rest.once('error', () => done(false)).listen({ port: url.port, host: url.hostname }, () => done(true)),
      ),
  )
  setTimeout(() => rest.close(), 300)

  const next = again()
  await next.start()

  t.assert.equal(next.url(), url.origin)
  await next.stop()
})

test('with the control plane gone predictions go on, and the next one takes over server and log', async t => {
  const bench = await openBench(t)
  const { deploy, blobs, serving, infer, again } = bench
  const { id: revision } = await deploy(await makeBundle(blobs))
  const [pid, url] = [await serverPid(bench), serving.url()]
  await serving.stop()

  const answer = await infer(inputs([3, 0]))
  const next = again()
  await next.start()

  assert.deepEqual([await serverPid(bench), next.url()], [pid, url])
  assert.equal((await next.prediction(answer.body.parameters.prediction_id)).features['wind'], 3)
  assert.equal((await next.deployment('rain')).revisions[0]!.id, revision)
  await next.stop()
})

test('no request is lost while traffic moves and while one server process takes over from another', async t => {
  const bench = await openBench(t)
  const { deploy, blobs, serving, infer } = bench
  const bundles = [await makeBundle(blobs), await makeBundle(blobs, { model: { ...windModel, intercept: 1 } })]
  const [one, two] = [await deploy(bundles[0]!), await deploy(bundles[1]!, 50)]
  const pid = await serverPid(bench)
  const statuses: number[] = []
  let isDone = false
  const client = async (): Promise<void> => {
    while (!isDone) statuses.push((await infer(inputs([1, 0]))).status)
  }
  const clients = Promise.all(Array.from({ length: 16 }, client))

  try {
    for (let i = 0; i < 10; i++) {
      const weights = { [one.id]: 10 * i, [two.id]: 100 - 10 * i }
      await serving.setTraffic('rain', { weights, actor: 'ada', reason: 'switch' })
    }
    await serving.restartServing()
    const meanwhile = statuses.length
    await until(async () => statuses.length >= meanwhile + 200)
  } finally {
    isDone = true
    await clients
  }

  assert.notEqual(await serverPid(bench), pid)
  assert.deepEqual([...new Set(statuses)], [200])
  // The former process hands in its rows when the last connection to it has ended.
  const counted = async (): Promise<number> => {
    await serving.collect()
    return (await serving.deployment('rain')).revisions.reduce((sum, { requests }) => sum + requests, 0)
  }
  await until(async () => (await counted()) >= statuses.length).catch(() => {})
  assert.equal(await counted(), statuses.length)
})

test('a server that was told something else is replaced', async t => {
  const bench = await openBench(t)
  const { serving, folder, again, deploy, blobs, infer } = bench
  await deploy(await makeBundle(blobs))
  const pid = await serverPid(bench)
  await serving.stop()
  const file = join(folder, 'serving', 'server.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/"settings":"\w+"/, '"settings":"other"'))

  const next = again()
  await next.start()

  assert.notEqual(await serverPid(bench), pid)
  assert.equal((await infer(inputs([0, 0]))).status, 200)
  await next.stop()
})
