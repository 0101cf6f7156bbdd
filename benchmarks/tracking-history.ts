/**
 * A chart of one metric of 10 runs, each with a million points, reduced on the server: MLflow's call for charts on its
 * own server and on ours, and our own call with minimum, maximum and last of each bucket.
 *
 *   node benchmarks/tracking-history.ts [--quick] [--engine=…] [--keep | --fill]
 *
 * The last ones are told in contenders.ts.
 */
import { contenders, withFilled, withRunning, type Contender, type Place, type Running } from './contenders.ts'
import { ask, createCall, quantiles, type Call } from './load.ts'
import { printTable } from './table.ts'
import { execute, mlflowPoints } from './tracking-fill.ts'

const quick = process.argv.includes('--quick')
const points = quick ? 100_000 : 1_000_000
const runs = 10
const batch = 1_000
const buckets = 500
const limitMs = 200

const newRun = async (call: Call): Promise<string> =>
  (await ask<{ run: { info: { run_id: string } } }>(call, 'runs/create', { experiment_id: '0', start_time: 1 })).run
    .info.run_id

async function load(call: Call, server: Running, { product, engine }: Contender): Promise<readonly string[]> {
  const ids = await Promise.all(Array.from({ length: runs }, () => newRun(call)))
  if (product === 'MLflow') {
    const isPostgres = engine === 'PostgreSQL'
    const database = server.database.replace('postgresql+psycopg2', 'postgres')
    await execute(database, [...mlflowPoints(ids, points, isPostgres), 'analyze'])
    return ids
  }
  const one = async (run: string): Promise<void> => {
    for (let first = 1; first <= points; first += batch) {
      const metrics = Array.from({ length: batch }, (_, i) => {
        const step = first + i
        return `{"key":"loss","value":${((step * 7_919) % 1_000_003) / 1_000_003},"timestamp":${1_700_000_000_000 + step * 10},"step":${step}}`
      })
      const body = `{"run_id":"${run}","metrics":[${metrics.join()}]}`
      const { status, text } = await call('POST', '/api/2.0/mlflow/runs/log-batch', body)
      if (status !== 200) throw new Error(text)
    }
  }
  await Promise.all(ids.map(one))
  return ids
}

interface Chart {
  readonly firstMs: number
  readonly p50Ms: number
  readonly p95Ms: number
}

async function chart(call: Call, path: string, rounds: number): Promise<Chart> {
  const latencies: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const before = performance.now()
    const { status, text } = await call('GET', path)
    latencies.push(performance.now() - before)
    if (status !== 200 || text.length < 1_000) throw new Error(`${path} answered ${status}: ${text.slice(0, 300)}`)
  }
  const { p50Ms, p95Ms } = quantiles(latencies.slice(1))
  return { firstMs: Math.round(latencies[0]!), p50Ms, p95Ms }
}

interface Filled {
  readonly ids: readonly string[]
  readonly loadSeconds: number
}

const fill =
  (contender: Contender) =>
  (place: Place): Promise<Filled> =>
    withRunning(place, async server => {
      const before = performance.now()
      const ids = await load(createCall(server.url), server, contender)
      return { ids, loadSeconds: Math.round((performance.now() - before) / 1_000) }
    })

async function measure(
  { product, engine }: Contender,
  call: Call,
  { ids, loadSeconds }: Filled,
): Promise<readonly Record<string, string | number>[]> {
  const sampled = new URLSearchParams([
    ...ids.map(id => ['run_ids', id]),
    ['metric_key', 'loss'],
    ['max_results', String(buckets)],
  ])
  const calls: Record<string, string> = {
    "MLflow's: sampled": `/api/2.0/mlflow/metrics/get-history-bulk-interval?${sampled.toString()}`,
    ...(product === 'Trainyard' && {
      'our own: min, max, last': `/api/v1/metric-histories?runs=${ids.join()}&keys=loss&buckets=${buckets}`,
    }),
  }
  const rows = []
  for (const [name, path] of Object.entries(calls)) {
    const { firstMs, p50Ms, p95Ms } = await chart(call, path, product === 'MLflow' ? 2 : 20)
    rows.push({
      server: `${product}, ${engine}`,
      call: name,
      'first ms': firstMs,
      'p50 ms': p50Ms,
      'p95 ms': p95Ms,
      'limit ms': product === 'Trainyard' ? limitMs : '',
      'load s': loadSeconds,
    })
  }
  return rows
}

const rows: Record<string, string | number>[] = []
for (const contender of contenders) {
  const filled = { name: `points-${points}`, fill: fill(contender) }
  const found = await withFilled(contender, filled, (place, facts) =>
    withRunning(place, ({ url }) => measure(contender, createCall(url), facts)),
  )
  rows.push(...(found ?? []))
}
printTable(`A chart of ${runs} runs with ${points} points each, ${buckets} buckets`, rows)
