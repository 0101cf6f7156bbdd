/**
 * Runs searched: 1,000 runs of 50 metrics, 20 params and 10 tags on MLflow's own server and on ours, whole; then, on
 * ours, filters and orders by metrics over a million runs.
 *
 *   node benchmarks/tracking-search.ts [--quick] [--runs=1000000] [--whole | --many] [--engine=…] [--keep | --fill]
 *
 * `--whole`: only the first. `--many`: only the second; the others are told in contenders.ts.
 */
import { contenders, withFilled, withRunning, type Contender, type Place } from './contenders.ts'
import { ask, createCall, quantiles, round, times, type Call } from './load.ts'
import { printTable } from './table.ts'
import { fillMillion } from './tracking-fill.ts'

const quick = process.argv.includes('--quick')
const wholeRuns = quick ? 100 : 1_000
const manyRuns = Number(process.argv.find(arg => arg.startsWith('--runs='))?.slice(7) ?? (quick ? 50_000 : 1_000_000))
const pool = 8

interface Whole {
  readonly contender: Contender
  readonly loadSeconds: number
  readonly searchMs: number
  readonly mib: number
}

async function loadWhole(call: Call): Promise<void> {
  const texts = (count: number, name: string, run: number) =>
    Array.from({ length: count }, (_, i) => ({ key: `${name} ${i}`, value: `${name} value ${(run * 7 + i) % 100}` }))
  const one = async (run: number): Promise<void> => {
    const { run: made } = await ask<{ run: { info: { run_id: string } } }>(call, 'runs/create', {
      experiment_id: '0',
      start_time: 1_700_000_000_000 + run,
      run_name: `run ${run}`,
    })
    await ask(call, 'runs/log-batch', {
      run_id: made.info.run_id,
      metrics: Array.from({ length: 50 }, (_, i) => ({
        key: `metric ${i}`,
        value: ((run * 31 + i * 17) % 997) / 7,
        timestamp: 1_700_000_000_000 + i,
        step: 1,
      })),
      params: texts(20, 'param', run),
      tags: texts(10, 'tag', run),
    })
  }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < wholeRuns) await one(next++)
  }
  await Promise.all(Array.from({ length: pool }, worker))
}

async function searchWhole(call: Call, rounds: number): Promise<{ searchMs: number; mib: number }> {
  const latencies: number[] = []
  let size = 0
  for (let time = 0; time <= rounds; time++) {
    const before = performance.now()
    const { text, status } = await call(
      'POST',
      '/api/2.0/mlflow/runs/search',
      JSON.stringify({ experiment_ids: ['0'], max_results: wholeRuns }),
    )
    if (time > 0) latencies.push(performance.now() - before)
    const found = (JSON.parse(text) as { runs: readonly { data: { metrics: readonly unknown[] } }[] }).runs
    if (status !== 200 || found.length !== wholeRuns || found.some(({ data }) => data.metrics.length !== 50))
      throw new Error(`The search answered ${status} with ${found.length} runs.`)
    size = Buffer.byteLength(text)
  }
  return { searchMs: quantiles(latencies).p50Ms, mib: size / 1024 ** 2 }
}

async function fillWhole(place: Place): Promise<{ loadSeconds: number }> {
  const before = performance.now()
  await withRunning(place, ({ url }) => loadWhole(createCall(url)))
  return { loadSeconds: (performance.now() - before) / 1_000 }
}

const measureWhole = (contender: Contender): Promise<Whole | undefined> =>
  withFilled(contender, { name: `whole-${wholeRuns}`, fill: fillWhole }, (place, { loadSeconds }) =>
    withRunning(place, async ({ url }) => {
      const rounds = contender.product === 'MLflow' ? 3 : 10
      return { contender, loadSeconds, ...(await searchWhole(createCall(url), rounds)) }
    }),
  )

/** Thresholds go round, so that no page is asked for twice. */
const searches: Readonly<Record<string, (i: number) => { filter: string; order_by: readonly string[] }>> = {
  'acc > x, by acc': i => ({ filter: `metrics.acc > ${0.99 - i / 1_000}`, order_by: ['metrics.acc DESC'] }),
  'acc > x, by loss': i => ({ filter: `metrics.acc > ${0.5 + i / 1_000}`, order_by: ['metrics.loss ASC'] }),
  'acc > x (few), by loss': i => ({ filter: `metrics.acc > ${0.9995 - i / 1e6}`, order_by: ['metrics.loss ASC'] }),
  'acc > x and loss < y, by start': i => ({
    filter: `metrics.acc > ${0.9 - i / 1_000} AND metrics.loss < ${0.1 + i / 1_000}`,
    order_by: ['attributes.start_time DESC'],
  }),
  'param and acc > x, by acc': i => ({
    filter: `params.net = 'net ${i % 20}' AND metrics.acc > 0.5`,
    order_by: ['metrics.acc DESC'],
  }),
  'tag, by acc ascending': i => ({ filter: `tags.team = 'team ${i % 20}'`, order_by: ['metrics.acc ASC'] }),
  'nothing found': i => ({ filter: `metrics.acc > ${2 + i}`, order_by: ['metrics.loss DESC'] }),
}

async function searchMany(
  call: Call,
  experiment: string,
  search: (i: number) => { filter: string; order_by: readonly string[] },
): Promise<ReturnType<typeof quantiles> & { found: number }> {
  const latencies: number[] = []
  let found = 0
  for (let i = 0; i < (quick ? 20 : 100); i++) {
    const body = JSON.stringify({ experiment_ids: [experiment], max_results: 100, ...search(i) })
    const sent = performance.now()
    const { status, text } = await call('POST', '/api/2.0/mlflow/runs/search', body)
    latencies.push(performance.now() - sent)
    if (status !== 200) throw new Error(`The search answered ${status}: ${text.slice(0, 500)}`)
    found += (JSON.parse(text) as { runs?: readonly unknown[] }).runs?.length ?? 0
  }
  return { ...quantiles(latencies), found: Math.round(found / latencies.length) }
}

async function fillMany(place: Place): Promise<{ experiment: string; loadSeconds: number }> {
  const before = performance.now()
  const experiment = await fillMillion(place, manyRuns)
  return { experiment, loadSeconds: Math.round((performance.now() - before) / 1_000) }
}

const measureMany = (contender: Contender): Promise<readonly Record<string, string | number>[] | undefined> =>
  withFilled(contender, { name: `runs-${manyRuns}`, fill: fillMany }, (place, { experiment, loadSeconds }) =>
    withRunning(place, async ({ url }) => {
      const call = createCall(url)
      const rows = []
      for (const [name, search] of Object.entries(searches)) {
        const { p50Ms, p95Ms, found } = await searchMany(call, experiment, search)
        rows.push({
          server: `${contender.product}, ${contender.engine}`,
          search: name,
          found,
          'p50 ms': p50Ms,
          'p95 ms': p95Ms,
          'limit ms': 100,
          'load s': loadSeconds,
        })
      }
      return rows
    }),
  )

if (!process.argv.includes('--many')) {
  const whole: Whole[] = []
  for (const contender of contenders) {
    const measured = await measureWhole(contender)
    if (measured) whole.push(measured)
  }
  const reference = ({ engine }: Contender): Whole =>
    whole.find(({ contender }) => contender.product === 'MLflow' && contender.engine === engine)!
  printTable(
    `runs/search of ${wholeRuns} runs with 50 metrics, 20 params, 10 tags (limit: 20 × faster than MLflow on the same engine)`,
    whole.map(({ contender, loadSeconds, searchMs, mib }) => ({
      server: `${contender.product}, ${contender.engine}`,
      'load s': round(loadSeconds),
      'search ms': round(searchMs),
      faster: times(reference(contender).searchMs, searchMs),
      'answer MiB': round(mib),
    })),
  )
}

if (!process.argv.includes('--whole')) {
  const many = []
  for (const contender of contenders.filter(({ product }) => product === 'Trainyard'))
    many.push(...((await measureMany(contender)) ?? []))
  printTable(`runs/search over ${manyRuns} runs, 100 a page (limit: p95 100 ms)`, many)
}
