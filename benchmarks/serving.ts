/**
 * How many predictions a second one model server gives, and how long one takes: with the prediction log, without it, and
 * against the least that could be done instead (node:http, JSON.parse, one ONNX call for each request). The model is a
 * logistic regression on 18 features, as in examples/rain. The client runs beside it, on the other core if there is one.
 *
 *   node benchmarks/serving.ts
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { logisticOnnx } from '#registry'
import { manifestFile, modelFile, type BundleManifest } from '../src/serving/bundle.ts'
import { bundleFolder, routesFile } from '../src/serving/routes-file.ts'
import { serverMain, startServer, stopServer } from '../src/serving/server-process.ts'
import { printTable } from './table.ts'

const features = Array.from({ length: 18 }, (_, i) => `feature_${i}`)
const model = logisticOnnx({
  weights: Object.fromEntries(features.map((name, i) => [name, (i - 9) / 10])),
  intercept: 0.1,
})
const body = JSON.stringify({
  inputs: features.map((name, i) => ({ name, shape: [1, 1], datatype: 'FP32', data: [i * 0.31] })),
})
const warmUpMs = 300
const measureMs = 1_000

interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Sends one request after the other on each of `connections` kept connections. */
async function load(port: number, connections: number): Promise<Measured> {
  const request = `POST /v2/models/rain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const startAt = performance.now() + warmUpMs
  const endAt = startAt + measureMs
  const latencies: number[] = []
  const client = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      let sentAt = 0
      let answer = ''
      const send = (): void => {
        sentAt = performance.now()
        answer = ''
        socket.write(request)
      }
      socket.on('connect', send).on('error', reject)
      socket.on('data', chunk => {
        answer += chunk.toString('latin1')
        const head = answer.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
        if (head < 0 || answer.length < head + 4 + length) return
        if (!answer.startsWith('HTTP/1.1 200')) return reject(new Error(answer))
        const now = performance.now()
        if (now >= startAt && now < endAt) latencies.push(now - sentAt)
        if (now < endAt) return send()
        socket.destroy()
        resolve()
      })
    })
  await Promise.all(Array.from({ length: connections }, client))
  latencies.sort((a, b) => a - b)
  const quantile = (q: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]!
  return { perSecond: Math.round((latencies.length * 1_000) / measureMs), p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

async function withModelServer<T>(isLogged: boolean, use: (port: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
  const bundle = '0'.repeat(64)
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] })
  const manifest: BundleManifest = {
    runtime: { kind: 'onnx' },
    project: 'rain',
    model: 'rain',
    version: 'mdv',
    number: 1,
    signature: { inputs: features.map(tensor), outputs: [tensor('probability')] },
    service: null,
    golden: [],
  }
  const revision = { id: 'rev_1', number: 1, version: 'mdv', bundle, weight: 100 }
  await mkdir(bundleFolder(folder, bundle), { recursive: true })
  await writeFile(join(bundleFolder(folder, bundle), manifestFile), JSON.stringify(manifest))
  await writeFile(join(bundleFolder(folder, bundle), modelFile), model)
  await writeFile(
    routesFile(folder),
    JSON.stringify({
      version: 1,
      deployments: [{ name: 'rain', project: 'rain', revisions: [revision] }],
      preload: [],
    }),
  )
  const server = await startServer(folder, {
    host: '127.0.0.1',
    port: 0,
    online: '',
    version: '0',
    isLogged,
    workers: { isolation: 'none', hidden: [], memoryBytes: 0 },
    main: serverMain,
  })
  try {
    return await use(server.port)
  } finally {
    await stopServer(server)
    await rm(folder, { recursive: true })
  }
}

async function withBareServer<T>(use: (port: number) => Promise<T>): Promise<T> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['bare'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const [port] = (await once(child, 'message')) as [number]
    return await use(port)
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}

/** The least that answers: no checks, no log, no batching, one run for each request. */
async function serveBare(): Promise<void> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { inputs } = JSON.parse(Buffer.concat(chunks).toString()) as { inputs: { name: string; data: number[] }[] }
      const feeds = Object.fromEntries(
        inputs.map(({ name, data }) => [name, new Tensor('float32', Float32Array.from(data), [1, 1])]),
      )
      void session.run(feeds).then(({ probability }) => {
        const text = JSON.stringify({ probability: Array.from(probability!.data as Float32Array) })
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
      })
    })
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
}

async function main(): Promise<void> {
  const servers = {
    'model server, log on': (use: (port: number) => Promise<Measured>) => withModelServer(true, use),
    'model server, log off': (use: (port: number) => Promise<Measured>) => withModelServer(false, use),
    'bare node:http + ONNX': (use: (port: number) => Promise<Measured>) => withBareServer(use),
  }
  const rows = []
  for (const [server, start] of Object.entries(servers)) {
    for (const connections of [1, 32]) {
      const { perSecond, p50Ms, p99Ms } = await start(port => load(port, connections))
      rows.push({
        server,
        connections,
        'requests/s': perSecond,
        'p50 ms': Number(p50Ms.toFixed(2)),
        'p99 ms': Number(p99Ms.toFixed(2)),
      })
    }
  }
  printTable('One model server, 18 features, one row for each request', rows)
}

await (process.argv[2] === 'bare' ? serveBare() : main())
