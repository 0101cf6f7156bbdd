import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Client, credentials } from '@grpc/grpc-js'
import { pin } from './core.ts'
import type { Question } from './question.ts'

/** A client in a process of its own, so that it takes nothing of the server's core. */

export interface Load extends Question {
  readonly port: number
  readonly connections: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface Measured {
  readonly answers: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Sends one request after the other on each of the kept connections. Rejects at the first answer that is not 200. */
export async function send(load: Load): Promise<Measured> {
  const child = fork(fileURLToPath(import.meta.url), [], { serialization: 'advanced' })
  try {
    pin(child.pid!, 'client')
    child.send(load)
    const [measured] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('The load generator has ended.'))),
    ])) as [Measured | { error: string }]
    if ('error' in measured) throw new Error(measured.error)
    return measured
  } finally {
    child.kill()
  }
}

type Said = (ms: number) => boolean

async function run(load: Load): Promise<Measured> {
  const { connections, warmUpMs, measureMs, protocol } = load
  const startAt = performance.now() + warmUpMs
  const endAt = startAt + measureMs
  const latencies: number[] = []
  /** Counts an answer, and says whether there is to be another. */
  const said: Said = sentAt => {
    const now = performance.now()
    if (now >= startAt && now < endAt) latencies.push(now - sentAt)
    return now < endAt
  }
  const client = protocol === 'grpc' ? grpcClient(load, said) : httpClient(load, said)
  await Promise.all(Array.from({ length: connections }, client))
  latencies.sort((a, b) => a - b)
  const quantile = (q: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]!
  return {
    answers: latencies.length,
    perSecond: (latencies.length * 1_000) / measureMs,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  }
}

function httpClient({ port, path, body, headers = {} }: Load, said: Said): () => Promise<void> {
  const lines = Object.entries({ host: 'localhost', 'content-length': String(Buffer.byteLength(body)), ...headers })
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(line => `${line.join(': ')}\r\n`).join('')}\r\n`
  const request = Buffer.concat([Buffer.from(head), Buffer.from(body)])
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      let sentAt = 0
      let answer: Buffer | undefined
      const next = (): void => {
        sentAt = performance.now()
        socket.write(request)
      }
      socket.on('connect', next).on('error', reject)
      socket.on('close', () => reject(new Error('The server has closed a connection.')))
      socket.on('data', (chunk: Buffer) => {
        answer = answer ? Buffer.concat([answer, chunk]) : chunk
        if (!isWhole(answer)) return
        if (answer.toString('latin1', 9, 12) !== '200') return reject(new Error(answer.toString()))
        answer = undefined
        if (said(sentAt)) return next()
        socket.removeAllListeners('close').destroy()
        resolve()
      })
    })
}

function grpcClient({ port, path, body }: Load, said: Said): () => Promise<void> {
  const asIs = (bytes: Buffer): Buffer => bytes
  const request = Buffer.from(body)
  return () =>
    new Promise((resolve, reject) => {
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
      })
      const next = (): void => {
        const sentAt = performance.now()
        client.makeUnaryRequest(path, asIs, asIs, request, error => {
          if (error) return reject(error)
          if (said(sentAt)) return next()
          client.close()
          resolve()
        })
      }
      next()
    })
}

function isWhole(answer: Buffer): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = answer.toString('latin1', 0, end)
  const length = /content-length: *(\d+)/i.exec(head)
  if (!length) throw new Error(`An answer without a length: ${head}`)
  return answer.length >= end + 4 + Number(length[1])
}

if (process.send)
  process.once('message', (load: Load) =>
    run(load).then(
      measured => process.send!(measured),
      (error: unknown) => process.send!({ error: String(error) }),
    ),
  )
