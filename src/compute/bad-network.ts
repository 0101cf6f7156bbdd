import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** The way between nodes and the platform, as tests have it. */
export interface BadNetwork {
  readonly origin: string
  /** How often it has broken off, by what. */
  readonly broken: Readonly<Record<Break, number>>
  /** `lossy` breaks every third request off; `gone` lets nobody through. */
  mode: 'whole' | 'lossy' | 'gone'
}

/** Half of a request comes; it is done, and nothing is heard of it; or it is done, and half of the answer is heard. */
const breaks = ['request', 'answer', 'half'] as const
type Break = (typeof breaks)[number]
const everyNth = 3

/** Passes on what is asked of a port of this machine. */
export async function openBadNetwork(t: TestContext, port: () => number): Promise<BadNetwork> {
  const network = { origin: '', broken: { request: 0, answer: 0, half: 0 }, mode: 'whole' as BadNetwork['mode'] }
  let count = 0
  const fate = (): Break | undefined =>
    network.mode === 'lossy' && ++count % everyNth === 0 ? breaks[(count / everyNth) % breaks.length] : undefined

  async function pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    if (network.mode === 'gone') return void to.destroy()
    const body = await buffer(from)
    const how = fate()
    if (how) network.broken[how] += 1
    const { method, url: path, headers } = from
    const upstream = ask({ port: port(), method, path, headers, agent: false })
    upstream.on('error', () => to.destroy())
    if (how === 'request') {
      upstream.flushHeaders()
      return void upstream.write(body.subarray(0, body.length / 2), () => {
        upstream.destroy()
        to.destroy()
      })
    }
    upstream.on('response', async answer => {
      const bytes = await buffer(answer)
      if (how === 'answer') return void to.destroy()
      to.writeHead(answer.statusCode!, answer.headers)
      if (how === 'half') to.write(bytes.subarray(0, bytes.length / 2), () => to.destroy())
      else to.end(bytes)
    })
    upstream.end(body)
  }

  const server = createServer((from, to) => void pass(from, to).catch(() => to.destroy()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  network.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return network
}
