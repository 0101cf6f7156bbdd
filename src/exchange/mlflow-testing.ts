import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { createMlflowClient } from './mlflow-client.ts'
import { createMlflowSource } from './mlflow-source.ts'
import type { CarriedExperiment } from './record.ts'

type Answer = { status?: number; body: unknown }
type Route = (query: URLSearchParams, body: Record<string, unknown>) => unknown

/** A server of MLflow's words; whatever it does not know is 404. */
export async function serving(t: TestContext, routes: Readonly<Record<string, Route>>) {
  const asked: { path: string; authorization: string | undefined }[] = []
  const server = createServer(async (request: IncomingMessage, response) => {
    const url = new URL(request.url!, 'http://x')
    const path = url.pathname.replace('/api/2.0/mlflow/', '')
    asked.push({ path, authorization: request.headers.authorization })
    const sent = await text(request)
    const answer = routes[path]?.(url.searchParams, sent === '' ? {} : (JSON.parse(sent) as Record<string, unknown>))
    const { status = 200, body = answer } = answer === undefined ? { status: 404, body: {} } : (answer as Answer)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
  t.after(() => void server.close())
  const { port } = server.address() as AddressInfo
  const source = createMlflowSource(createMlflowClient({ url: `http://ann:s%3Ac@127.0.0.1:${port}/` }))
  return { source, asked }
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

export const experiment: CarriedExperiment = {
  id: '7',
  name: 'e',
  lifecycle: 'active',
  createdAt: 1,
  updatedAt: 2,
  tags: [],
}
