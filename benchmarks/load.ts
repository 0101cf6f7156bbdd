/** The same load on every server: kept connections, one request after the other on each. */
import { Agent, request } from 'node:http'
import { setImmediate } from 'node:timers/promises'

export interface Answer {
  readonly status: number
  readonly text: string
}

export type Call = (method: 'GET' | 'POST', path: string, body?: string) => Promise<Answer>

/** A client with as many kept connections as are asked for at the same time. */
export function createCall(url: string): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const { hostname, port } = new URL(url)
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const sent = request({ agent, hostname, port, method, path, headers }, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() }))
        response.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
}

/** A call of MLflow's API that must succeed. */
export async function ask<T>(call: Call, path: string, input: object): Promise<T> {
  const { status, text } = await call('POST', `/api/2.0/mlflow/${path}`, JSON.stringify(input))
  if (status !== 200) throw new Error(`${path} answered ${status}: ${text.slice(0, 500)}`)
  return JSON.parse(text) as T
}

export interface Load {
  readonly clients: number
  readonly seconds: number
  readonly path: string
  /** The body of a client's next request. */
  body(client: number, index: number): string
}

export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 200. */
  readonly errors: number
}

const warmUpMs = 500

/** Sends for a while. A body is made while the answer to the one before is awaited, so that no server waits for it. */
export async function measure(call: Call, { clients, seconds, path, body }: Load): Promise<Measured> {
  const from = performance.now() + warmUpMs
  const to = from + seconds * 1_000
  const latencies: number[] = []
  let errors = 0
  const one = async (client: number): Promise<void> => {
    let next = body(client, 0)
    for (let index = 1; performance.now() < to; index++) {
      const sent = performance.now()
      const answer = call('POST', path, next)
      // A request leaves on the next turn, not before.
      await setImmediate()
      next = body(client, index)
      const { status } = await answer
      const now = performance.now()
      if (status !== 200) errors++
      else if (sent >= from) latencies.push(now - sent)
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)))
  const elapsed = performance.now() - Math.max(begun, from)
  return { perSecond: (latencies.length / elapsed) * 1_000, ...quantiles(latencies), errors }
}

export function quantiles(latencies: readonly number[]): { p50Ms: number; p95Ms: number; p99Ms: number } {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (q: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0)
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

export const round = (value: number): number => Number(value.toPrecision(3))

/** `6.1 times` of MLflow on the same engine, once it has been measured. */
export const times = (value: number, reference: number | undefined): string =>
  reference === undefined || reference === 0 ? '' : `${round(value / reference)} ×`
