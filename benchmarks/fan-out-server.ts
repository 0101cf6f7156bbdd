/**
 * What memory a whole server takes, started as it is shipped, on SQLite, while a task is called for each of 100,000 items (the
 * platform's own `data.validate`: of every hundredth item a table is checked, and its report written; of the others the
 * condition is judged), and somebody looks: at the run's overview, at the run with a page of its tasks, and at the list of
 * calls from its beginning to its end.
 *
 *   node benchmarks/fan-out-server.ts [--items 100000] [--minutes 60]
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startServer } from '../test/server.ts'
import { objective } from '../src/workflow/test-bed.ts'
import { createCall, quantiles } from './load.ts'
import { printTable } from './table.ts'

const { values } = parseArgs({
  options: { items: { type: 'string', default: '100000' }, minutes: { type: 'string', default: '60' } },
})
const [count, minutes] = [Number(values.items), Number(values.minutes)]

const folder = await mkdtemp(join(tmpdir(), 'trainyard-fan-out-server-'))
const table = join(folder, 'rain.csv')
await writeFile(table, 'day,rain\n1,0\n2,5\n')
const server = await startServer({ data: join(folder, 'data') })
const call = createCall(server.url)

interface Line {
  readonly id: string
}
interface Overview {
  readonly run: { readonly state: string; readonly error?: string }
  readonly tasks: { readonly items: readonly (Line & { name: string; items?: Readonly<Record<string, number>> })[] }
}

async function get<Answer>(path: string): Promise<Answer> {
  const { status, text } = await call('GET', `/api/v1/${path}`)
  if (status !== 200) throw new Error(`${path} answers ${status}: ${text.slice(0, 500)}`)
  return JSON.parse(text) as Answer
}

async function send(method: 'PUT' | 'POST', path: string, body: object): Promise<{ id: string }> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/api/v1/projects/${path}`, { method, headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${(await answer.text()).slice(0, 500)}`)
  return (await answer.json()) as { id: string }
}

/** Resident memory of the server's process, in MB: now and at its highest [proc(5): VmRSS, VmHWM]. */
async function memory(): Promise<{ now: number; most: number }> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  const of = (name: string): number => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) * 1_024) / 1e6
  return { now: of('VmRSS'), most: of('VmHWM') }
}

const took = { overview: [] as number[], tasks: [] as number[], calls: [] as number[] }
async function timed<Answer>(what: keyof typeof took, path: string): Promise<Answer> {
  const began = performance.now()
  const answer = await get<Answer>(path)
  took[what].push(performance.now() - began)
  return answer
}

/** Page after page, as somebody does who reads all of it. */
async function readCalls(run: string, of: string): Promise<void> {
  for (let after = ''; ;) {
    const page = await timed<{ next?: string }>('calls', `runs/${run}/tasks?of=${of}&limit=500${after}`)
    if (page.next === undefined) return
    after = `&after=${encodeURIComponent(page.next)}`
  }
}

try {
  const list = `node -e 'require("fs").writeFileSync(process.env.TRAINYARD_OUTPUT_ITEMS, JSON.stringify(Array.from({ length: ${count} }, (_, at) => at % 100)))'`
  const pipelines = {
    wide: {
      tasks: {
        list: { run: list, outputs: { items: 'list' } },
        ingest: { uses: 'data.ingest', params: { source: 'rain' } },
        each: {
          uses: 'data.validate',
          inputs: { dataset: 'ingest.dataset' },
          forEach: 'list.items',
          when: { value: 'item', is: 0 },
        },
      },
    },
  }
  await send('PUT', 'rain', {
    spec: { name: 'rain', objective, sources: { rain: { type: 'csv', path: table } }, pipelines },
  })
  const idle = await memory()
  const began = performance.now()
  const { id } = await send('POST', 'rain/runs', { pipeline: 'wide' })
  let [most, ended] = [0, 0]
  let state = 'queued'
  for (let round = 0; ['queued', 'running'].includes(state) && performance.now() - began < minutes * 60_000; round++) {
    const { run, tasks } = await timed<Overview>('overview', `runs/${id}/overview?limit=200`)
    await timed('tasks', `runs/${id}?limit=200`)
    const each = tasks.items.find(({ name }) => name === 'each')!
    if (each.items && round % 10 === 0) await readCalls(id, each.id)
    state = run.error === undefined ? run.state : `${run.state}: ${run.error}`
    ended = (each.items?.['succeeded'] ?? 0) + (each.items?.['skipped'] ?? 0)
    most = Math.max(most, (await memory()).now)
    await sleep(1_000)
  }
  const seconds = (performance.now() - began) / 1_000
  const p95 = (latencies: readonly number[]): string => quantiles(latencies).p95Ms.toFixed(0)
  printTable(`A server whose run has a call for each of ${count} items (SQLite, FULL)`, [
    { what: 'memory before, MB', value: Math.round(idle.now), anchor: '' },
    { what: 'memory while it runs and is read, MB', value: Math.round(most), anchor: '300 or less' },
    { what: '… at its highest, MB', value: Math.round((await memory()).most), anchor: '300 or less' },
    { what: 'calls done', value: ended, anchor: String(count) },
    { what: 'calls done per second', value: Math.round(ended / seconds), anchor: '' },
    { what: 'the run', value: state, anchor: 'succeeded' },
    { what: 'its overview, p95 ms', value: p95(took.overview), anchor: '' },
    { what: '… with a page of 200 tasks, p95 ms', value: p95(took.tasks), anchor: '' },
    { what: '500 of its calls, p95 ms', value: p95(took.calls), anchor: '' },
  ])
} finally {
  await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
  await server.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
