import { setTimeout as sleep } from 'node:timers/promises'
import { TrainyardError } from '#kernel/error.ts'
import { createClient, type Client } from '../cli/client.ts'
import { startServer, type ServerProcess } from './server.ts'
import type { Teller } from './teller.ts'
import type { Weather } from './weather.ts'

/** Everything a chapter of the demo needs: a platform, someone to tell it to, and the data. */
export interface World {
  readonly client: Client
  readonly teller: Teller
  readonly weather: Weather
  /** The clone that the team works in. */
  readonly checkout: string
  readonly project: string
  readonly signal: AbortSignal
}

const patienceMs = 120_000
const pauseMs = 100

/** Asks again until the answer is what is waited for. Throws with the sentence when patience ends. */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false>,
  { signal, patience = patienceMs }: { signal: AbortSignal; patience?: number },
): Promise<Answer> {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(pauseMs, undefined, { signal })) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
  }
  throw new TrainyardError('unavailable', `Waited ${patience / 1_000} s in vain for ${what}.`)
}

/** A server that is started again when it dies: whoever kills it in the middle of the story will not stop the story. */
export interface Kept {
  readonly url: string
  current(): ServerProcess
  stop(): Promise<void>
}

interface KeepOptions {
  readonly data: string
  readonly ports: { readonly port: number; readonly servingPort: number }
  say(line: string): void
  /** Environment of each start, the first included: how a test arms one crash point after the other. */
  env?(): Readonly<Record<string, string>>
}

/** A server that does not come up this often in a row is broken, and not killed. */
const startsMax = 5

export async function keepServer({ data, ports, say, env = () => ({}) }: KeepOptions): Promise<Kept> {
  let stopping = false
  let server = await startServer({ data, ...ports, env: env() })
  const { url } = server
  const port = Number(new URL(url).port)
  /** It may be killed while it starts, too. */
  const startAgain = async (): Promise<ServerProcess> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startServer({ data, port, servingPort: ports.servingPort, env: env() })
      } catch (error) {
        if (stopping || attempt >= startsMax) throw error
      }
    }
  }
  const watch = async (): Promise<void> => {
    for (;;) {
      await server.ended
      if (stopping) return
      say('The server has died. It is started again on the same data.')
      server = await startAgain()
    }
  }
  const watching = watch()
  return {
    url,
    current: () => server,
    async stop() {
      stopping = true
      await server.stop()
      await watching
    },
  }
}

const retryMs = 200
const retriesMax = 100

/** A client that asks again while the server is away, as a patient caller does. What it sends is safe to send twice. */
export function patientClient(server: string): Client {
  const client = createClient({ server })
  const patient = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => again(ask)
  return {
    server,
    get: path => patient(() => client.get(path)),
    send: (method, path, body) => patient(() => client.send(method, path, body)),
    upload: (path, body) => patient(() => client.upload(path, body)),
    postBytes: (path, body, headers) => patient(() => client.postBytes(path, body, headers)),
    attachment: path => patient(() => client.attachment(path)),
    download: path => patient(() => client.download(path)),
    post: (url, body) => patient(() => client.post(url, body)),
  }
}

async function again<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let retry = 0; ; retry++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof TrainyardError) || error.code !== 'unavailable' || retry >= retriesMax) throw error
      await sleep(retryMs)
    }
  }
}
