/**
 * The model server while its model is replaced again and again: each new revision is loaded from a bundle of its own, measured,
 * warmed up, and takes all requests at once; the one before answers what it has begun, and is let go. Requests come evenly all
 * the while. None may fail, and each revision must have answered.
 *
 *   node benchmarks/serving-swaps.ts [--swaps=100] [--rate=5000] [--requests=100000]
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { digestOf } from '#kernel/digest.ts'
import { manifestFile, modelFile } from '../src/serving/bundle.ts'
import { bundleFolder, replaceFile, routesFile, type ServerFile } from '../src/serving/routes-file.ts'
import { askStatus, pause, signal, startServer, stopServer } from '../src/serving/server-process.ts'
import { lightModel, manifest, routes, serverFolder, serverSettings } from './serving/model-server.ts'
import { openLoop } from './serving/open-loop.ts'
import { tensors } from './serving/question.ts'
import { quantiles, round } from './load.ts'
import { printTable } from './table.ts'

const { values: options } = parseArgs({
  options: {
    swaps: { type: 'string', default: '100' },
    rate: { type: 'string', default: '5000' },
    requests: { type: 'string', default: '100000' },
  },
})
const [swaps, perSecond, requestsMin] = [options.swaps, options.rate, options.requests].map(Number) as [
  number,
  number,
  number,
]
const { path, body } = tensors(1)
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const latencies: number[] = []
const failed: string[] = []
/** Requests by the revision that has answered them. */
const answered = new Map<string, number>()

function ask(port: number): Promise<void> {
  const startedAt = performance.now()
  return new Promise(resolve => {
    const fail = (what: string): void => {
      failed.push(what)
      resolve()
    }
    const headers = { 'content-length': Buffer.byteLength(body) }
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, answer => {
      let text = ''
      answer.on('data', chunk => (text += String(chunk)))
      answer.on('error', error => fail(String(error)))
      answer.on('end', () => {
        const [, revision] = /"model_version":"(\d+)"/.exec(text) ?? []
        if (answer.statusCode !== 200 || revision === undefined) return fail(`${answer.statusCode} ${text}`)
        latencies.push(performance.now() - startedAt)
        answered.set(revision, (answered.get(revision) ?? 0) + 1)
        resolve()
      })
    })
    sent.on('error', error => fail(String(error))).end(body)
  })
}

/** Replaces the revision by a further one, and answers how many milliseconds it took until that one answered. */
async function swap(folder: string, server: ServerFile, model: string, number: number): Promise<number> {
  const bundle = digestOf(`trees ${number}`)
  await mkdir(bundleFolder(folder, bundle), { recursive: true })
  await writeFile(join(bundleFolder(folder, bundle), manifestFile), JSON.stringify({ ...manifest, number }))
  await copyFile(model, join(bundleFolder(folder, bundle), modelFile))
  const next = routes([100], number)
  const [deployment] = next.deployments
  const [revision] = deployment!.revisions
  const revisions = [{ ...revision!, id: `rev_${number}`, number, bundle }]
  const startedAt = performance.now()
  await replaceFile(routesFile(folder), JSON.stringify({ ...next, deployments: [{ ...deployment, revisions }] }))
  signal(server, 'SIGHUP')
  while ((await askStatus(server))?.version !== number) await pause(5)
  return performance.now() - startedAt
}

async function main(folder: string, model: string): Promise<void> {
  const server = await startServer(folder, serverSettings({ isLogged: false }))
  try {
    const startedAt = performance.now()
    const loop = openLoop(() => ask(server.port), perSecond)
    const took: number[] = []
    for (let number = 2; number <= swaps + 1; number++) {
      took.push(await swap(folder, server, model, number))
      await pause(
        Math.max(0, startedAt + ((number - 1) / swaps) * (requestsMin / perSecond) * 1_000 - performance.now()),
      )
    }
    while (loop.sent < requestsMin) await pause(10)
    const seconds = (performance.now() - startedAt) / 1_000
    await loop.stop()
    const [swapped, asked] = [quantiles(took), quantiles(latencies)]
    printTable(`${swaps} revisions take each other's place while requests come, ${perSecond} a second wished`, [
      {
        requests: loop.sent,
        'a second': round(loop.sent / seconds),
        failed: failed.length,
        'p50 ms': asked.p50Ms,
        'p99 ms': asked.p99Ms,
        'revisions that answered': answered.size,
        'a swap ms, p50': swapped.p50Ms,
        p99: swapped.p99Ms,
      },
    ])
    if (failed.length > 0) throw new Error(`${failed.length} requests failed: ${failed.slice(0, 5).join('; ')}`)
    if (answered.size !== swaps + 1) throw new Error(`${answered.size} of ${swaps + 1} revisions have answered.`)
  } finally {
    agent.destroy()
    await stopServer(server)
  }
}

const place = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
const model = await lightModel(place)
const folder = await serverFolder(model)
try {
  await main(folder, model)
} finally {
  for (const each of [folder, place]) await rm(each, { recursive: true, force: true })
}
