/**
 * How long a browser takes to open the page of a run of very many tasks, of which one is under way: until its head, its
 * graph and its bars are there, in a tab that has the pages' code (`again`) and in one that has not (`first`). And how long the
 * API takes to answer with the run and a page of its tasks, and with what the page begins with.
 *
 *   node benchmarks/run-page.ts [--tasks 10000] [--rounds 10]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import { findBrowser } from '../test/platform/browser.ts'
import { startServer } from '../test/server.ts'
import { objective } from '../src/workflow/test-bed.ts'
import { createCall, quantiles } from './load.ts'
import { printTable } from './table.ts'

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '10' } },
})
const [tasks, rounds] = [Number(values.tasks), Number(values.rounds)]

/** A tree whose root waits for somebody. */
const tree = Object.fromEntries(
  Array.from({ length: tasks }, (_, index) => [
    `t${index}`,
    index === 0 ? { approval: { message: 'Go on?' } } : { run: 'true', after: [`t${Math.floor((index - 1) / 2)}`] },
  ]),
)
async function opened(page: Page, url: string): Promise<number> {
  const began = performance.now()
  await page.goto(url)
  await page.getByRole('region', { name: 'Tasks of this run' }).getByLabel('Task t0, waiting').waitFor()
  await page.getByRole('button', { name: 't1 ' }).first().waitFor()
  return performance.now() - began
}

const folder = await mkdtemp(join(tmpdir(), 'trainyard-run-page-'))
const server = await startServer({ data: folder })
const browser = await chromium.launch({ executablePath: findBrowser()!, args: ['--no-sandbox', '--disable-gpu'] })
try {
  const call = createCall(server.url)
  const send = async (method: 'PUT' | 'POST', path: string, body: object): Promise<{ id: string }> => {
    const answer = await fetch(`${server.url}/api/v1/projects/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${(await answer.text()).slice(0, 500)}`)
    return (await answer.json()) as { id: string }
  }
  await send('PUT', 'rain', { spec: { name: 'rain', objective, pipelines: { wide: { tasks: tree } } } })
  const { id } = await send('POST', 'rain/runs', { pipeline: 'wide' })
  const url = `${server.url}/p/rain/runs/${id}`
  const bytes = (await call('GET', `/api/v1/runs/${id}/overview?limit=200`)).text.length
  const first: number[] = []
  const again: number[] = []
  for (let round = 0; round < rounds; round++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    first.push(await opened(page, url))
    again.push(await opened(page, url))
    await context.close()
  }
  const row = (what: string, took: readonly number[], length = bytes) => {
    const { p50Ms, p95Ms } = quantiles(took)
    return { what, 'p50 ms': p50Ms, 'p95 ms': p95Ms, 'answer KiB': Math.round(length / 1024) }
  }
  const asked = async (what: string, query: string) => {
    const took: number[] = []
    let length = 0
    for (let round = 0; round < rounds; round++) {
      const began = performance.now()
      length = (await call('GET', `/api/v1/runs/${id}${query}`)).text.length
      took.push(performance.now() - began)
    }
    return row(what, took, length)
  }
  printTable(`The page of a run of ${tasks} tasks`, [
    row('first', first),
    row('again', again),
    await asked('API: what the page begins with', '/overview?limit=200'),
    await asked('API: the run with 200 tasks', '?limit=200'),
    await asked('API: the run with its first 500 tasks', ''),
  ])
} finally {
  await browser.close()
  // The model server would go on.
  await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
  await server.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
