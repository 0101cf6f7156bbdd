/**
 * The model server over time: at 70 % of what it can take, while a canary takes a growing share, the server is replaced by
 * its successor again and again, and of its processes one is killed. Every request has to be answered; a request whose
 * process is killed before it has answered is sent once more, as clients do, and counted. What the processes hold is read at
 * the end of the first and of the last tenth.
 *
 *   node benchmarks/serving-soak.ts [--minutes=2]      (10 for the figure that is asked for)
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { logFolder, readJsonFile, replaceFile, routesFile, ServerFile, serverFile } from '../src/serving/routes-file.ts'
import { pause, signal, startServer, stopServer, succeedServer } from '../src/serving/server-process.ts'
import { privateBytes } from './serving/core.ts'
import { lightModel, routes, serverFolder, serverSettings } from './serving/model-server.ts'
import { openLoop } from './serving/open-loop.ts'
import { tensors } from './serving/question.ts'
import { quantiles, round } from './load.ts'
import { printTable } from './table.ts'
import '../scripts/built.ts'

const { values: options } = parseArgs({ options: { minutes: { type: 'string', default: '2' } } })
const totalMs = Number(options.minutes) * 60_000
const processes = 2
const clients = 32
const settings = serverSettings({ processes })
const { path, body } = tensors(1)

interface Counts {
  answered: number
  /** Sent once more because the connection was gone before the answer. */
  again: number
  failed: string[]
  latencies: number[]
}

const counts: Counts = { answered: 0, again: 0, failed: [], latencies: [] }
const agent = new Agent({ keepAlive: true, maxSockets: clients })

function once(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path, method: 'POST', agent, headers: { 'content-length': Buffer.byteLength(body) } },
      answer => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode!)).on('error', reject)
      },
    )
    sent.on('error', reject).end(body)
  })
}

async function ask(port: number): Promise<void> {
  const startedAt = performance.now()
  for (let attempt = 1; ; attempt++) {
    const status = await once(port).catch((error: unknown) => String(error))
    if (status === 200) break
    if (typeof status === 'number' || attempt > 50) return void counts.failed.push(String(status))
    counts.again++
    await pause(20)
  }
  counts.answered++
  counts.latencies.push(performance.now() - startedAt)
}

/** How many requests a second are answered when all clients ask without a pause. */
async function capacity(port: number): Promise<number> {
  const until = performance.now() + 5_000
  let answered = 0
  const client = async (): Promise<void> => {
    while (performance.now() < until) if ((await once(port)) === 200) answered++
  }
  await Promise.all(Array.from({ length: clients }, client))
  return answered / 5
}

const server = async (folder: string): Promise<ServerFile> => (await readJsonFile(serverFile(folder), ServerFile))!

/** The processes of the server, the first one first. */
function family(first: number): readonly number[] {
  const isChild = (pid: string): boolean => {
    try {
      return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]) === first
    } catch {
      return false
    }
  }
  return [
    first,
    ...readdirSync('/proc')
      .filter(pid => /^\d+$/.test(pid) && isChild(pid))
      .map(Number),
  ]
}

const memory = (first: number): readonly number[] => family(first).map(pid => round(privateBytes(pid) / 1024 ** 2))

interface Step {
  /** Share of the time that has passed. */
  readonly at: number
  readonly what: string
  act(folder: string): Promise<unknown>
}

const canary =
  (weight: number) =>
  async (folder: string): Promise<void> => {
    await replaceFile(routesFile(folder), JSON.stringify(routes([100 - weight, weight], 1 + weight)))
    signal(await server(folder), 'SIGHUP')
  }
const replaced = async (folder: string): Promise<unknown> => succeedServer(folder, settings, await server(folder))
const killed = async (folder: string): Promise<void> => {
  process.kill(family((await server(folder)).pid)[1]!, 'SIGKILL')
}

const steps: readonly Step[] = [
  { at: 0.1, what: 'canary 10 %', act: canary(10) },
  { at: 0.2, what: 'rolling restart', act: replaced },
  { at: 0.3, what: 'canary 50 %', act: canary(50) },
  { at: 0.35, what: 'a process is killed', act: killed },
  { at: 0.45, what: 'canary takes all', act: canary(100) },
  { at: 0.5, what: 'rolling restart', act: replaced },
]

async function main(folder: string): Promise<void> {
  const first = await startServer(folder, settings)
  // Takes away what nobody collects here: the log would fill the disk.
  const collector = spawn('sh', ['-c', `while sleep 1; do find ${logFolder(folder)} -name '*.ndjson' -delete; done`], {
    stdio: 'ignore',
  })
  try {
    await pause(2_000)
    const perSecond = Math.round(0.7 * (await capacity(first.port)))
    const startedAt = performance.now()
    const loop = openLoop(() => ask(first.port), perSecond)
    const rows: Record<string, string | number>[] = []
    let settled: readonly number[] | undefined
    for (const { at, what, act } of [
      ...steps,
      { at: 0.6, what: 'all is calm', act: async () => {} },
      { at: 1, what: 'the end', act: async () => {} },
    ]) {
      await pause(Math.max(0, startedAt + at * totalMs - performance.now()))
      const held = memory((await server(folder)).pid)
      if (what === 'all is calm') settled = held
      const { p50Ms, p99Ms } = quantiles(counts.latencies.splice(0))
      rows.push({
        minute: round((at * totalMs) / 60_000),
        step: what,
        answered: counts.answered,
        failed: counts.failed.length,
        'sent again': counts.again,
        'p50 ms': p50Ms,
        'p99 ms': p99Ms,
        'private MiB': held.join(' + '),
      })
      await act(folder)
    }
    await loop.stop()
    const grown = memory((await server(folder)).pid).map((mib, index) => round(mib - (settled![index] ?? mib)))
    printTable(
      `${perSecond} requests a second for ${options.minutes} minutes; since all was calm the processes have grown by ${grown.join(' and ')} MiB`,
      rows,
    )
    if (counts.failed.length > 0)
      throw new Error(`${counts.failed.length} requests failed: ${counts.failed.slice(0, 5).join('; ')}`)
  } finally {
    collector.kill()
    await stopServer(await server(folder))
  }
}

const place = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
const model = await lightModel(place)
const folder = await serverFolder(model)
try {
  await main(folder)
} finally {
  for (const each of [folder, place]) await rm(each, { recursive: true, force: true })
}
