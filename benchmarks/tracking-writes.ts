/**
 * Metrics written to MLflow's own server and to ours: 1,000 in a request, one in a request from 8 clients, and 8 writers
 * at once, each request sent twice, of which no point may be lost or doubled. Beside them what each database takes alone.
 *
 *   node benchmarks/tracking-writes.ts [--quick] [--engine=SQLite]
 */
import { bareWrites, type BareWrites } from './bare-writes.ts'
import { contenders, withServer, type Contender } from './contenders.ts'
import { ask, createCall, measure, round, times, type Call } from './load.ts'
import { printTable } from './table.ts'

const quick = process.argv.includes('--quick')
const seconds = quick ? 2 : 8
const batch = 1_000

interface Writes {
  readonly contender: Contender
  readonly fewKeys: number
  readonly manyKeys: number
  readonly eightClients: number
  readonly single: { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number }
  readonly errors: number
  readonly onOne: Counted
  readonly onEight: Counted
}

interface Counted {
  readonly lost: number
  readonly doubled: number
  readonly errors: number
}

const newRun = async (call: Call): Promise<string> =>
  (
    await ask<{ run: { info: { run_id: string } } }>(call, 'runs/create', {
      experiment_id: '0',
      start_time: Date.now(),
    })
  ).run.info.run_id

/** A request of `batch` points: `keys` metrics, as many steps of each as fill it, none sent before. */
function points(run: string, keys: number, index: number): string {
  const steps = batch / keys
  const metrics = Array.from(
    { length: batch },
    (_, i) =>
      `{"key":"metric ${i % keys}","value":${(i * 31 + index * 17) / 7},"timestamp":${1_700_000_000_000 + index * 1_000 + i},"step":${index * steps + Math.floor(i / keys)}}`,
  )
  return `{"run_id":"${run}","metrics":[${metrics.join()}]}`
}

async function batches(call: Call, keys: number, clients: number): Promise<{ perSecond: number; errors: number }> {
  const runs = await Promise.all(Array.from({ length: clients }, () => newRun(call)))
  const measured = await measure(call, {
    clients,
    seconds,
    path: '/api/2.0/mlflow/runs/log-batch',
    body: (client, index) => points(runs[client]!, keys, index),
  })
  return { perSecond: measured.perSecond * batch, errors: measured.errors }
}

async function singles(call: Call): Promise<Awaited<ReturnType<typeof measure>>> {
  const runs = await Promise.all(Array.from({ length: 8 }, () => newRun(call)))
  return measure(call, {
    clients: 8,
    seconds,
    path: '/api/2.0/mlflow/runs/log-metric',
    body: (client, index) =>
      `{"run_id":"${runs[client]!}","key":"loss","value":${index / 3},"timestamp":${1_700_000_000_000 + index},"step":${index}}`,
  })
}

/** 8 writers write points of their own to the same ten metrics, each request twice. */
async function writers(call: Call, runs: readonly string[]): Promise<Counted> {
  const rounds = quick ? 5 : 20
  let errors = 0
  const one = async (writer: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const metrics = Array.from({ length: 100 }, (_, i) => ({
        key: `metric ${i % 10}`,
        value: i / 7,
        timestamp: 1_700_000_000_000,
        step: (writer * rounds + round) * 10 + Math.floor(i / 10),
      }))
      const body = JSON.stringify({ run_id: runs[writer % runs.length], metrics })
      for (let time = 0; time < 2; time++) {
        const { status } = await call('POST', '/api/2.0/mlflow/runs/log-batch', body)
        if (status !== 200) errors++
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, writer) => one(writer)))
  const found = await Promise.all(runs.map(run => history(call, run)))
  const all = found.flat()
  const unique = new Set(all).size
  return { lost: 8 * rounds * 100 - unique, doubled: all.length - unique, errors }
}

async function history(call: Call, run: string): Promise<readonly string[]> {
  const found: string[] = []
  for (let key = 0; key < 10; key++) {
    let token: string | undefined
    do {
      const query = new URLSearchParams({
        run_id: run,
        metric_key: `metric ${key}`,
        max_results: '25000',
        ...(token && { page_token: token }),
      })
      const { text } = await call('GET', `/api/2.0/mlflow/metrics/get-history?${query.toString()}`)
      const page = JSON.parse(text) as { metrics?: readonly { step: number }[]; next_page_token?: string }
      found.push(...(page.metrics ?? []).map(({ step }) => `${run} ${key} ${step}`))
      token = page.next_page_token
    } while (token)
  }
  return found
}

const results: Writes[] = []
const bare = new Map<Contender['engine'], BareWrites>()
for (const contender of contenders) {
  const result = await withServer(contender, async ({ url, database }) => {
    const call = createCall(url)
    const few = await batches(call, 10, 1)
    const many = await batches(call, batch, 1)
    const eight = await batches(call, 10, 8)
    const single = await singles(call)
    const onOne = await writers(call, [await newRun(call)])
    const onEight = await writers(call, await Promise.all(Array.from({ length: 8 }, () => newRun(call))))
    if (contender.product === 'Trainyard') bare.set(contender.engine, await bareWrites(database, { batch, seconds: 2 }))
    return {
      contender,
      fewKeys: few.perSecond,
      manyKeys: many.perSecond,
      eightClients: eight.perSecond,
      single,
      errors: few.errors + many.errors + eight.errors + single.errors,
      onOne,
      onEight,
    }
  })
  results.push(result)
}

const reference = ({ engine }: Contender): Writes | undefined =>
  results.find(({ contender }) => contender.product === 'MLflow' && contender.engine === engine)
const counted = ({ lost, doubled, errors }: Counted): string => `${lost} / ${doubled} / ${errors}`

printTable(
  'Metrics written, metrics/s (limit: 20 × MLflow on the same engine)',
  results.map(({ contender, fewKeys, manyKeys, eightClients, errors }) => {
    const mlflow = reference(contender)
    return {
      server: `${contender.product}, ${contender.engine}`,
      '1,000 of 10 keys': Math.round(fewKeys),
      'ratio ': times(fewKeys, mlflow?.fewKeys),
      '1,000 keys': Math.round(manyKeys),
      'ratio  ': times(manyKeys, mlflow?.manyKeys),
      '8 clients': Math.round(eightClients),
      'ratio   ': times(eightClients, mlflow?.eightClients),
      errors,
    }
  }),
)
printTable(
  'The database alone, without a server: rows of a table without an index, a commit for each request',
  [...bare].map(([engine, { pointsPerSecond, singlesPerSecond }]) => ({
    database: engine,
    '1,000 in a request, metrics/s': Math.round(pointsPerSecond),
    'one in a request, requests/s': Math.round(singlesPerSecond),
  })),
)
printTable(
  'One metric in a request, 8 clients (limits: 20 × MLflow on the same engine, p99 50 ms)',
  results.map(({ contender, single }) => ({
    server: `${contender.product}, ${contender.engine}`,
    'requests/s': Math.round(single.perSecond),
    ratio: times(single.perSecond, reference(contender)?.single.perSecond),
    'p50 ms': round(single.p50Ms),
    'p99 ms': round(single.p99Ms),
  })),
)
printTable(
  '8 writers, each request sent twice: points lost / doubled / requests failed (limit: 0 / 0 / 0)',
  results.map(({ contender, onOne, onEight }) => ({
    server: `${contender.product}, ${contender.engine}`,
    'on one run': counted(onOne),
    'on eight runs': counted(onEight),
  })),
)
