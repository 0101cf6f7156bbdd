/**
 * Memory while a great artifact passes through the proxy, up and down, and how fast it passes. At rest is a server through
 * which a small one has passed: what it loads with its first is no matter of size. An eighth of the artifact passes before
 * the whole: where memory is flat, both grow it alike.
 *
 *   node benchmarks/tracking-artifacts.ts [--quick] [--engine=SQLite]
 */
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { contenders, withServer, type Running } from './contenders.ts'
import { round } from './load.ts'
import { printTable } from './table.ts'

const quick = process.argv.includes('--quick')
const mib = quick ? 256 : 2_048
/** What the process may grow while the artifact passes. */
const limitMiB = 64
const everyMs = 50

const smallMiB = 4

/** Blocks of a MiB, no two alike. */
function* blocks(mib: number): Generator<Buffer> {
  const block = Buffer.alloc(1024 ** 2)
  for (let i = 0; i < block.length; i += 4) block.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i)
  for (let i = 0; i < mib; i++) {
    const next = Buffer.from(block)
    next.writeUInt32LE(i, 0)
    yield next
  }
}

const path = '/api/2.0/mlflow-artifacts/artifacts/0/big/artifacts/model.bin'

async function upload(url: string, mib: number): Promise<void> {
  const status = await new Promise<number>((resolve, reject) => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': mib * 1024 ** 2 }
    const sent = request(url + path, { method: 'PUT', headers }, response => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
    sent.on('error', reject)
    Readable.from(blocks(mib)).pipe(sent)
  })
  if (status !== 200) throw new Error(`The upload was answered ${status}.`)
}

async function download(url: string): Promise<string> {
  const hash = createHash('sha256')
  const response = await fetch(url + path)
  for await (const chunk of response.body!) hash.update(chunk)
  return hash.digest('hex')
}

/** Resident memory once it is the same for a second. */
async function atRest(server: Running): Promise<number> {
  for (let before = 0; ;) {
    const now = await server.residentMiB()
    if (Math.abs(now - before) <= 1) return now
    before = now
    await sleep(1_000)
  }
}

interface Peak<T> {
  readonly value: T
  /** The greatest resident memory. */
  readonly peakMiB: number
  readonly seconds: number
}

async function peak<T>(server: Running, work: Promise<T>): Promise<Peak<T>> {
  const before = performance.now()
  let peakMiB = 0
  let goesOn = true
  const watch = async (): Promise<void> => {
    while (goesOn) {
      peakMiB = Math.max(peakMiB, await server.residentMiB())
      await sleep(everyMs)
    }
  }
  const watching = watch()
  const value = await work.finally(() => (goesOn = false))
  await watching
  return { value, peakMiB, seconds: (performance.now() - before) / 1_000 }
}

interface Passage {
  readonly up: Peak<void>
  readonly down: Peak<string>
}

/** An artifact goes up, and comes down. */
async function passes(server: Running, mib: number): Promise<Passage> {
  const up = await peak(server, upload(server.url, mib))
  return { up, down: await peak(server, download(server.url)) }
}

const peakOf = ({ up, down }: Passage): number => Math.max(up.peakMiB, down.peakMiB)

const expected = createHash('sha256')
for (const block of blocks(mib)) expected.update(block)
const digest = expected.digest('hex')

const rows = []
for (const contender of contenders) {
  rows.push(
    await withServer(contender, async server => {
      await upload(server.url, smallMiB)
      await download(server.url)
      const restMiB = await atRest(server)
      const eighth = await passes(server, mib / 8)
      const { up, down } = await passes(server, mib)
      if (down.value !== digest) throw new Error('What came down is not what went up.')
      return {
        server: `${contender.product}, ${contender.engine}`,
        'at rest MiB': restMiB,
        'up, peak MiB': up.peakMiB,
        'down, peak MiB': down.peakMiB,
        [`growth with ${mib / 8} MiB`]: peakOf(eighth) - restMiB,
        'growth MiB': peakOf({ up, down }) - restMiB,
        'limit MiB': contender.product === 'Trainyard' ? limitMiB : '',
        'up MiB/s': round(mib / up.seconds),
        'down MiB/s': round(mib / down.seconds),
      }
    }),
  )
}
printTable(`An artifact of ${mib} MiB through the proxy`, rows)
