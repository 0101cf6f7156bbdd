import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { text } from 'node:stream/consumers'
import { readJsonFile, ServerFile, serverFile } from '../routes-file.ts'
import { pause } from '../server-process.ts'
import { fileHooks, inputs, makeBundle, openBench, type Bench } from '../testing.ts'

// One model server of three processes for all tests of this file.
const hooks = fileHooks()
const opening = openBench(hooks, { processes: 3 })
const at = async (deployment: string): Promise<Bench> => {
  const bench = (await opening).at(deployment)
  await until(async () => (await processes(bench)).length === 3)
  return bench
}

/** The processes of the model server, the first one first. */
async function processes({ folder }: Bench): Promise<readonly number[]> {
  const first = (await readJsonFile(serverFile(join(folder, 'serving')), ServerFile))!.pid
  const parentOf = (pid: string): number | undefined => {
    try {
      return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1])
    } catch {
      return undefined
    }
  }
  return [
    first,
    ...readdirSync('/proc')
      .filter(pid => /^\d+$/.test(pid) && parentOf(pid) === first)
      .map(Number),
  ]
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await is()); await pause(20))
    if (Date.now() > deadline) throw new Error('It does not come to pass.')
}

/** Asks so many times at once, each on a connection of its own; answers the statuses. */
function ask({ serving }: Bench, deployment: string, times: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: false })
  const one = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${serving.url()}/v2/models/${deployment}/infer`,
        { method: 'POST', agent },
        async answer => {
          await text(answer)
          resolve(answer.statusCode!)
        },
      )
      sent.on('error', reject).end(JSON.stringify(inputs([1, 0])))
    })
  return Promise.all(Array.from({ length: times }, one))
}

const counted = (metrics: string, deployment: string): number =>
  Number(
    new RegExp(`trainyard_serving_requests_total\\{deployment="${deployment}".*\\} (\\d+)`).exec(metrics)?.[1] ?? 0,
  )

test('whichever process is asked, it answers, and tells what all have answered', async () => {
  const bench = await at('shared')
  await bench.deploy(await makeBundle(bench.blobs))

  assert.deepEqual(new Set(await ask(bench, 'shared', 60)), new Set([200]))

  for (let i = 0; i < 5; i++) assert.equal(counted((await bench.get('/metrics')).text, 'shared'), 60)
  const { model_stats } = JSON.parse((await bench.get('/v2/models/shared/stats')).text) as {
    model_stats: { inference_count: number; inference_stats: { success: { count: number } } }[]
  }
  assert.deepEqual(
    model_stats.map(stats => [stats.inference_count, stats.inference_stats.success.count]),
    [[60, 60]],
  )
  await bench.serving.collect()
  assert.equal((await bench.serving.deployment('shared')).revisions[0]!.requests, 60)
})

test('what a client may ask in a second is the same for all processes together', async () => {
  const bench = await at('limited')
  await bench.deploy(await makeBundle(bench.blobs))
  await bench.declare({ limits: { clientRate: 20 } })
  const startedAt = performance.now()

  const statuses = await ask(bench, 'limited', 200)

  const taken = statuses.filter(status => status === 200).length
  const seconds = (performance.now() - startedAt) / 1_000
  assert.ok(taken >= 20 && taken <= 20 + 20 * seconds + 1, `${taken} taken in ${seconds} s`)
  assert.equal(statuses.filter(status => status === 429).length, 200 - taken)
})

test('a process that is killed is started again, and the others go on; when the first one is, all are', async () => {
  const bench = await at('killed')
  await bench.deploy(await makeBundle(bench.blobs))
  const [first, second] = await processes(bench)

  process.kill(second!, 'SIGKILL')
  await until(async () => {
    const now = await processes(bench)
    return now.length === 3 && !now.includes(second!)
  })
  assert.equal((await processes(bench))[0], first)
  assert.deepEqual(new Set(await ask(bench, 'killed', 30)), new Set([200]))

  process.kill(first!, 'SIGKILL')
  await until(async () => (await processes(bench))[0] !== first && (await processes(bench)).length === 3)
  assert.deepEqual(new Set(await ask(bench, 'killed', 30)), new Set([200]))
})

test('a model that is unloaded at one process is unloaded at all, and a successor has as many', async () => {
  const bench = await at('changed')
  await bench.deploy(await makeBundle(bench.blobs))
  const url = bench.serving.url()
  const post = (path: string) => fetch(`${url}${path}`, { method: 'POST' })

  await post('/v2/repository/models/changed/unload')
  assert.deepEqual(new Set(await ask(bench, 'changed', 30)), new Set([503]))
  await post('/v2/repository/models/changed/load')
  assert.deepEqual(new Set(await ask(bench, 'changed', 30)), new Set([200]))

  const before = await processes(bench)
  const asking = ask(bench, 'changed', 30)
  await bench.serving.restartServing()
  assert.deepEqual(new Set(await asking), new Set([200]))
  await until(async () => before.every(pid => !readdirSync('/proc').includes(String(pid))))
  assert.equal((await processes(bench)).length, 3)
})
