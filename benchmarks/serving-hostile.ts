/**
 * What clients that mean no good get from the model server, and what it costs it: bodies of 64 MiB, gzip bombs, deep JSON,
 * wrong lengths, senders that stop in the midst, ten thousand connections that say nothing. Between the attacks an honest
 * client goes on asking. It fails when an answer is another than the one expected, when the process has ended, and when a
 * round has taken more memory than the first: what a round has left uncollected, the next one uses.
 *
 *   node benchmarks/serving-hostile.ts [--idle=10000] [--rounds=3]
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { isRunning } from '../src/serving/process-ticks.ts'
import { pause } from '../src/serving/server-process.ts'
import { privateBytes } from './serving/core.ts'
import { lightModel, startModelServer, type Running } from './serving/model-server.ts'
import { features, tensors } from './serving/question.ts'
import { printTable } from './table.ts'

const { values: options } = parseArgs({
  options: { idle: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '3' } },
})
const mib = 1024 * 1024
const path = '/v2/models/trees/infer'

interface Attack {
  readonly what: string
  readonly head: string
  readonly body?: string | Buffer
  /** What has to come back; undefined: the connection is closed without a word. */
  readonly status: number | undefined
}

const head = (...lines: readonly string[]): string =>
  `${[`POST ${path} HTTP/1.1`, 'host: localhost', ...lines].join('\r\n')}\r\n\r\n`
const sized = (body: string | Buffer, ...lines: readonly string[]) => ({
  head: head(`content-length: ${Buffer.byteLength(body)}`, ...lines),
  body,
})

const attacks: readonly Attack[] = [
  { what: '16 MiB of empty lists', ...sized(`[${'[],'.repeat(5 * mib)}0]`), status: 413 },
  { what: '3 MiB of empty lists', ...sized(`[${'[],'.repeat(900_000)}0]`), status: 400 },
  { what: 'JSON, 900,000 lists deep', ...sized(`{"inputs":${'['.repeat(9e5)}${']'.repeat(9e5)}}`), status: 400 },
  { what: 'CSV, 64 MiB of commas', ...csv(','.repeat(64 * mib)), status: 400 },
  { what: 'CSV, 64 MiB of one field', ...csv('1'.repeat(64 * mib)), status: 400 },
  { what: '64 MiB of zeros', ...sized(Buffer.alloc(64 * mib)), status: 413 },
  { what: '64 MiB of one text', ...sized(`{"id":"${'a'.repeat(64 * mib - 100)}"}`), status: 413 },
  { what: '64 MiB of empty lists', ...sized(`[${'[],'.repeat(21 * mib)}0]`), status: 413 },
  { what: '65 MiB announced, nothing sent', head: head(`content-length: ${65 * mib}`), status: 413 },
  { what: '65 MiB in pieces without a length', ...inPieces(65, mib), status: 413 },
  { what: '100,000 pieces of one byte', ...inPieces(100_000, 1), status: 413 },
  { what: 'gzip: 60 MiB in 60 KiB', ...sized(gzipSync(Buffer.alloc(60 * mib)), 'content-encoding: gzip'), status: 413 },
  {
    what: 'gzip: a bomb in a bomb',
    ...sized(gzipSync(gzipSync(Buffer.alloc(900 * mib))), 'content-encoding: gzip'),
    status: 400,
  },
  { what: 'gzip that is none', ...sized('{"inputs":[]}', 'content-encoding: gzip'), status: 400 },
  { what: 'JSON, a million lists deep', ...sized(`{"inputs":${'['.repeat(1e6)}${']'.repeat(1e6)}}`), status: 413 },
  { what: 'JSON, a tensor a million deep', ...sized(deepTensor(1e6)), status: 413 },
  { what: 'a shape of 2^53 rows', ...sized(shaped([2 ** 53 - 1, 1])), status: 400 },
  {
    what: 'binary tensor longer than its bytes',
    ...sized(binaryTensor(400), 'inference-header-content-length: 117'),
    status: 400,
  },
  { what: 'JSON header longer than the body', ...sized('{}', 'inference-header-content-length: 9999'), status: 400 },
  { what: 'two lengths', head: head('content-length: 2', 'content-length: 3'), body: '{}', status: 400 },
  {
    what: 'a length and pieces',
    head: head('content-length: 2', 'transfer-encoding: chunked'),
    body: '0\r\n\r\n',
    status: 400,
  },
  { what: 'headers of 1 MiB', head: head(`x-long: ${'a'.repeat(mib)}`), status: 431 },
  { what: 'no HTTP at all', head: '\u0016\u0003\u0001\u0000'.repeat(50), status: 400 },
]

function csv(body: string) {
  const lines = [
    'POST /invocations HTTP/1.1',
    'host: localhost',
    'content-type: text/csv',
    `content-length: ${body.length}`,
  ]
  return { head: `${lines.join('\r\n')}\r\n\r\n`, body }
}

function inPieces(count: number, bytes: number) {
  const piece = Buffer.concat([Buffer.from(`${bytes.toString(16)}\r\n`), Buffer.alloc(bytes, 'a'), Buffer.from('\r\n')])
  return {
    head: head('transfer-encoding: chunked'),
    body: Buffer.concat(Array.from({ length: count }, () => piece)),
  }
}

function deepTensor(depth: number): string {
  const [first, ...rest] = features
  const tensor = (name: string, data: string) => `{"name":"${name}","datatype":"FP32","shape":[1,1],"data":${data}}`
  const deep = tensor(first!, `${'['.repeat(depth)}1${']'.repeat(depth)}`)
  return `{"inputs":[${[deep, ...rest.map(name => tensor(name, '[1]'))].join()}]}`
}

function shaped(shape: readonly number[]): string {
  return JSON.stringify({ inputs: [{ name: features[0], datatype: 'FP32', shape, data: [1] }] })
}

function binaryTensor(size: number): string {
  const tensor = { name: features[0], datatype: 'FP32', shape: [100, 1], parameters: { binary_data_size: size } }
  return JSON.stringify({ inputs: [tensor] })
}

/** Sends it all, whatever comes back meanwhile; answers the status, undefined when the connection ends without one. */
function attack(port: number, { head: first, body }: Attack): Promise<number | undefined> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    let answer = ''
    const done = (): void => {
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]) || undefined)
    }
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
      if (answer.includes('\r\n\r\n')) done()
    })
    socket.on('close', done).on('error', done)
    socket.write(first)
    if (body !== undefined) socket.write(body)
  })
}

/** How long an honest client waits for its answer, in milliseconds. */
async function honest(port: number): Promise<number> {
  const startedAt = performance.now()
  const { path: at, body } = tensors(1)
  const answer = await fetch(`http://127.0.0.1:${port}${at}`, { method: 'POST', body: body as string })
  await answer.text()
  if (answer.status !== 200) throw new Error(`An honest client was answered ${answer.status}.`)
  return performance.now() - startedAt
}

/** Connections of one kind, on which no whole request ever comes. */
interface Held {
  readonly what: string
  readonly sockets: readonly Socket[]
  /** What the server said at last, and after how many seconds, for each that it has closed. */
  readonly ends: { readonly answer: string; readonly seconds: number }[]
}

async function hold(port: number, { what, count, text }: { what: string; count: number; text: string }): Promise<Held> {
  const held: Held & { sockets: Socket[] } = { what, sockets: [], ends: [] }
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: '127.0.0.1', port })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const startedAt = performance.now()
    let answer = ''
    socket.on('error', () => {})
    socket.on('data', chunk => (answer += chunk.toString('latin1')))
    socket.on('close', () => {
      const seconds = (performance.now() - startedAt) / 1_000
      held.ends.push({ answer: /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'closed', seconds })
    })
    if (text !== '') socket.write(text)
    held.sockets.push(socket)
  }
  return held
}

/** Longer than the server's 30 s for a request, and the 30 s after which it looks again. */
const patienceMs = 65_000

/** What becomes of them when they say nothing more. */
async function endOf({ what, sockets, ends }: Held): Promise<Readonly<Record<string, string | number>>> {
  const until = performance.now() + patienceMs
  while (ends.length < sockets.length && performance.now() < until) await pause(100)
  const answers = [...new Set(ends.map(({ answer }) => answer))]
  if (ends.length < sockets.length || answers.join() !== '408')
    throw new Error(`${what}: ${ends.length} of ${sockets.length} were closed, with ${answers.join()}, expected 408.`)
  const seconds = ends.map(end => end.seconds)
  return {
    'connections that say nothing more': what,
    count: sockets.length,
    answer: answers.join(),
    'after s': `${Math.round(Math.min(...seconds))} to ${Math.round(Math.max(...seconds))}`,
  }
}

/** One attack in each round. */
interface Row {
  readonly attack: string
  readonly answer: string | number
  honestMs: number
  readonly mebibytes: number[]
}

async function main(server: Running): Promise<void> {
  const { port, pid } = server
  const identity = { pid, ticks: server.ticks! }
  const megabytes = (): number => Number((privateBytes(pid) / mib).toFixed(1))
  await honest(port)
  const before = megabytes()
  const silent = await hold(port, { what: 'from the start', count: Number(options.idle), text: '' })
  const perConnection = ((megabytes() - before) * 1_024) / silent.sockets.length
  const others = [
    await hold(port, {
      what: 'in the midst of the headers',
      count: 100,
      text: `POST ${path} HTTP/1.1\r\nhost: loc`,
    }),
    await hold(port, { what: 'in the midst of the body', count: 100, text: head('content-length: 1000') }),
  ]
  const rows: Row[] = attacks.map(({ what, status }) => ({
    attack: what,
    answer: status ?? 'closed',
    honestMs: 0,
    mebibytes: [],
  }))
  for (let round = 1; round <= Number(options.rounds); round++)
    for (const [index, each] of attacks.entries()) {
      const status = await attack(port, each)
      if (status !== each.status) throw new Error(`${each.what}: ${status}, expected ${each.status}.`)
      if (!isRunning(identity)) throw new Error(`${each.what} has ended the server.`)
      rows[index]!.honestMs = Math.max(rows[index]!.honestMs, await honest(port))
      rows[index]!.mebibytes.push(megabytes())
    }
  const ends = [await endOf(silent), await endOf(others[0]!), await endOf(others[1]!)]
  await honest(port)
  const peaks = rows[0]!.mebibytes.map((_, round) => Math.max(...rows.map(({ mebibytes }) => mebibytes[round]!)))
  printTable(
    `Hostile clients: ${before} MiB before, at most ${peaks.join(', ')} MiB in the rounds, ${megabytes()} MiB when all have gone; ${perConnection.toFixed(1)} KiB for an idle connection`,
    rows.map(({ attack: what, answer, honestMs, mebibytes }) => ({
      attack: what,
      answer,
      'an honest client waits ms': Number(honestMs.toFixed(1)),
      'private MiB, round by round': mebibytes.join(', '),
    })),
  )
  printTable('All the while, until the server closed them', ends)
  if (peaks.at(-1)! > peaks[0]! + spareMib) throw new Error('A later round has taken more memory than the first.')
}

/** Two bodies of 64 MiB may wait for the collector in one round that did not in another. */
const spareMib = 128

const folder = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
try {
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -n']).toString())
  if (limit < Number(options.idle) + 1_000)
    throw new Error(`ulimit -n is ${limit}: allow more files for ${options.idle} connections.`)
  const server = await startModelServer(await lightModel(folder))
  try {
    await main(server)
  } finally {
    await server.stop()
  }
} finally {
  await rm(folder, { recursive: true })
}
