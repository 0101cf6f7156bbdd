import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { pin } from './core.ts'
import type { Running } from './model-server.ts'
import { features, rowsOf } from './question.ts'

/**
 * The limit: node:http, JSON.parse and the same ONNX call, with nothing around them. No check, no log, no metrics, no
 * routes. What has come in one turn of the event loop is one run, as in the model server.
 */
export async function startLimit(model: string): Promise<Running> {
  const child = fork(fileURLToPath(import.meta.url), [model])
  const [port] = (await once(child, 'message')) as [number]
  pin(child.pid!, 'server')
  return {
    port,
    pid: child.pid!,
    async stop() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

type Row = readonly number[]
interface Waiting {
  readonly rows: readonly Row[]
  readonly response: ServerResponse
}

const open = async (model: string): Promise<InferenceSession> =>
  InferenceSession.create(await readFile(model), { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 })

function feedsOf(rows: readonly Row[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  for (const [index, name] of features.entries()) {
    const values = new Float32Array(rows.length)
    for (let row = 0; row < rows.length; row++) values[row] = rows[row]![index]!
    feeds[name] = new Tensor('float32', values, [rows.length, 1])
  }
  return feeds
}

/** Microseconds of the processor that the ONNX call alone takes for so many rows. */
export async function runUs(model: string, rows: number): Promise<number> {
  const session = await open(model)
  const feeds = feedsOf(rowsOf(rows))
  const run = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) await session.run(feeds, ['probabilities'])
  }
  await run(100)
  const before = process.cpuUsage()
  await run(1_000)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

async function serve(model: string): Promise<void> {
  const session = await open(model)
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const batch = waiting
    waiting = []
    const rows = batch.flatMap(request => request.rows)
    const { probabilities } = await session.run(feedsOf(rows), ['probabilities'])
    const data = probabilities!.data as Float32Array
    let start = 0
    for (const { rows: own, response } of batch) {
      const predictions = own.map((_, row) => [data[(start + row) * 2], data[(start + row) * 2 + 1]])
      start += own.length
      const text = JSON.stringify({ predictions })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
    }
  }

  const server = createServer({ noDelay: true }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()
      const { instances } = JSON.parse(text) as { instances: readonly Row[] }
      if (waiting.push({ rows: instances, response }) === 1) setImmediate(() => void flush())
    })
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
}

if (process.send) await serve(process.argv[2]!)
