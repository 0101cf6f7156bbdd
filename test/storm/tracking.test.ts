import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { until } from '../../src/demo/world.ts'
import { keepServer, type Kept } from '../server.ts'
import { openDatabase } from '../../src/storage/index.ts'
import { encodeRequest } from '../../src/traces/index.ts'
import { dataFolder, faultsOf } from '../testing.ts'

const kills = 4
const writers = 8
const pointsEach = 50
const postgres = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine

/** What became of one request: `unknown` when the server died before it answered. */
type Outcome = 'acknowledged' | 'unknown'

for (const engine of postgres === undefined ? ['sqlite'] : ['sqlite', 'postgres'])
  test(
    `${engine}: a server that is killed while clients write has what it acknowledged, once and whole`,
    { timeout: 400_000 },
    async t => {
      const stage = await open(t, engine)
      const { server, api } = stage
      const experiment = (await api('POST', '2.0/mlflow/experiments/create', { name: 'storm' })).experiment_id
      const work = { ...stage, experiment }
      const stopped = new AbortController()
      const jobs = [
        ...Array.from({ length: writers }, () => metrics(work, stopped.signal)),
        files(work, stopped.signal),
        uploads(work, stopped.signal),
        versions(work, stopped.signal),
        traces(work, stopped.signal),
      ]

      for (let kill = 0; kill < kills; kill++) {
        await sleep(700 + 250 * kill)
        const { pid, ended } = server.current()
        process.kill(pid, 'SIGKILL')
        await ended
        await until('the server', async () => server.current().pid !== pid, { signal: t.signal })
      }
      await sleep(500)
      stopped.abort()
      const checks = await Promise.all(jobs)

      const told = await Promise.all(checks.map(check => check()))
      for (const { what, acknowledged, wrong } of told) {
        t.diagnostic(`${what}: ${acknowledged} acknowledged`)
        assert.deepEqual({ what, wrong }, { what, wrong: [] })
        assert.ok(acknowledged > 0, what)
      }
      assert.deepEqual(await faultsOf(stage.data), [])
    },
  )

/** Asked when no one writes any more: how much was acknowledged, and everything that is not as it should be. */
type Check = () => Promise<{ what: string; acknowledged: number; wrong: readonly string[] }>

interface Work {
  readonly server: Kept
  readonly experiment: string
  readonly receiver: Receiver
  readonly api: ReturnType<typeof caller>
}

async function open(t: TestContext, engine: string) {
  const receiver = await openReceiver(t)
  const database = engine === 'postgres' ? await schema(t) : undefined
  const data = await dataFolder(t, () => server.stop())
  const server = await keepServer({
    data,
    ports: { port: 0, servingPort: 0 },
    say: () => {},
    env: () => ({ TRAINYARD_WEBHOOK_TARGETS: 'any', ...(database !== undefined && { TRAINYARD_DATABASE: database }) }),
  })
  return { data, server, receiver, api: caller(server) }
}

async function schema(t: TestContext): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = openDatabase(postgres!)
  await sql.raw(`create schema ${name}`).execute(admin)
  t.after(async () => {
    await sql.raw(`drop schema ${name} cascade`).execute(admin)
    await admin.destroy()
  })
  return `${postgres}?options=-c%20search_path%3D${name}`
}

/** Calls of MLflow's API that are not repeated. Rejects when the server dies before it answers. */
const caller =
  (server: Kept) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- what it answers is JSON
  async (method: string, path: string, body?: object): Promise<any> => {
    const reply = await fetch(`${server.url}/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer = await reply.json()
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${JSON.stringify(answer)}`)
    return answer
  }

/** Does it again and again, and notes what came of each; between a death and the next start it waits. */
async function repeat(signal: AbortSignal, act: (round: number) => Promise<unknown>): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  while (!signal.aborted) {
    try {
      await act(outcomes.length)
      outcomes.push('acknowledged')
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      outcomes.push('unknown')
      await sleep(50)
    }
  }
  return outcomes
}

/** What a client does that got no answer: the same again, until it gets one. */
async function patiently<Answer>(signal: AbortSignal, ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof assert.AssertionError || signal.aborted) throw error
      await sleep(50)
    }
  }
}

const count = (outcomes: readonly Outcome[]): number => outcomes.filter(outcome => outcome === 'acknowledged').length

/** Points, a param and a tag in one batch: all of it is there, or of an unknown one nothing. Every third is repeated. */
async function metrics({ api, experiment }: Work, signal: AbortSignal): Promise<Check> {
  const { run } = await patiently(signal, () => api('POST', '2.0/mlflow/runs/create', { experiment_id: experiment }))
  const { run_id } = run.info
  const batch = (round: number): object => ({
    run_id,
    metrics: Array.from({ length: pointsEach }, (_, index) => ({
      key: `m${index % 10}`,
      value: round,
      timestamp: round,
      step: round * pointsEach + index,
    })),
    params: round < 500 ? [{ key: `p${round}`, value: String(round) }] : [],
    tags: [{ key: 'last', value: String(round) }],
  })
  const outcomes = await repeat(signal, async round => {
    const log = (): Promise<unknown> => api('POST', '2.0/mlflow/runs/log-batch', batch(round))
    await (round % 3 === 0 ? patiently(signal, log) : log())
    // Others want to write too.
    await sleep(10)
  })
  return async () => {
    const steps = new Map<number, number>()
    for (let index = 0; index < 10; index++) {
      const query = `run_id=${run_id}&metric_key=m${index}&max_results=25000`
      const history = await api('GET', `2.0/mlflow/metrics/get-history?${query}`)
      for (const { step } of history.metrics) {
        const round = Math.floor(step / pointsEach)
        steps.set(round, (steps.get(round) ?? 0) + 1)
      }
    }
    const { data } = (await api('GET', `2.0/mlflow/runs/get?run_id=${run_id}`)).run
    const params = new Set((data.params ?? []).map(({ key }: { key: string }) => key))
    const wrong = outcomes.flatMap((outcome, round) => {
      const found = steps.get(round) ?? 0
      const hasParam = round >= 500 || params.has(`p${round}`)
      if (found === pointsEach && hasParam) return []
      if (outcome === 'unknown' && found === 0 && (round >= 500 || !hasParam)) return []
      return [`batch ${round} (${outcome}): ${found} points, ${hasParam ? 'its' : 'no'} param`]
    })
    return { what: 'log-batch', acknowledged: count(outcomes), wrong }
  }
}

const bytesOf = (round: number): Buffer => {
  const seed = createHash('sha256').update(String(round)).digest()
  return Buffer.alloc((round * 77_777) % 1_500_000, seed)
}

const proxy = '2.0/mlflow-artifacts'

/** Each file is there whole, or of an unknown one not at all. */
async function wrongFiles(
  { server }: Work,
  path: (round: number) => string,
  outcomes: readonly Outcome[],
): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const [round, outcome] of outcomes.entries()) {
    const reply = await fetch(`${server.url}/api/${proxy}/artifacts/${path(round)}`)
    const bytes = Buffer.from(await reply.arrayBuffer())
    const isWhole = reply.ok && bytes.equals(bytesOf(round))
    if (!isWhole && !(outcome === 'unknown' && reply.status === 404))
      wrong.push(`${path(round)} (${outcome}): ${reply.status}, ${bytes.length} bytes`)
  }
  return wrong
}

async function files(work: Work, signal: AbortSignal): Promise<Check> {
  const { server, experiment } = work
  const path = (round: number): string => `${experiment}/plain/file-${round}`
  const outcomes = await repeat(signal, async round => {
    const { status } = await fetch(`${server.url}/api/${proxy}/artifacts/${path(round)}`, {
      method: 'PUT',
      body: new Uint8Array(bytesOf(round)),
    })
    assert.equal(status, 200)
  })
  return async () => ({
    what: 'artifacts',
    acknowledged: count(outcomes),
    wrong: await wrongFiles(work, path, outcomes),
  })
}

/** In three parts; each request is repeated until it is answered, as clients do. */
async function uploads(work: Work, signal: AbortSignal): Promise<Check> {
  const { api, experiment } = work
  const path = (round: number): string => `${experiment}/parts/file-${round}`
  const outcomes = await repeat(signal, async round => {
    const bytes = bytesOf(round)
    const third = Math.ceil(bytes.length / 3)
    const folder = `${experiment}/parts`
    const { upload_id, credentials } = await patiently(signal, () =>
      api('POST', `${proxy}/mpu/create/${folder}`, { path: `file-${round}`, num_parts: 3 }),
    )
    const parts: object[] = []
    for (const { url, part_number } of credentials as { url: string; part_number: number }[]) {
      const body = new Uint8Array(bytes.subarray((part_number - 1) * third, part_number * third))
      const reply = await patiently(signal, () => fetch(url, { method: 'PUT', body }))
      assert.equal(reply.status, 200)
      parts.push({ part_number, etag: reply.headers.get('etag'), url })
    }
    const whole = { path: `file-${round}`, upload_id, parts }
    await patiently(signal, () => api('POST', `${proxy}/mpu/complete/${folder}`, whole))
  })
  return async () => ({
    what: 'multipart uploads',
    acknowledged: count(outcomes),
    wrong: await wrongFiles(work, path, outcomes),
  })
}

/**
 * Each version has a number of its own and its files, and the receiver hears of it by one delivery of each webhook: a
 * creation whose answer was lost with the server is repeated, and then there are two.
 */
async function versions({ api, experiment, receiver, server }: Work, signal: AbortSignal): Promise<Check> {
  const { run } = await patiently(signal, () => api('POST', '2.0/mlflow/runs/create', { experiment_id: experiment }))
  const { run_id } = run.info
  await patiently(signal, () =>
    fetch(`${server.url}/api/${proxy}/artifacts/${experiment}/${run_id}/artifacts/m/MLmodel`, {
      method: 'PUT',
      body: 'flavors: {}',
    }),
  )
  await patiently(signal, () =>
    api('POST', '2.0/mlflow/registered-models/create', { name: 'storm' }).catch(error => {
      if (!String(error).includes('RESOURCE_ALREADY_EXISTS')) throw error
    }),
  )
  await patiently(signal, () =>
    api('POST', '2.0/mlflow/webhooks', {
      name: 'told',
      url: receiver.url,
      events: [{ entity: 'MODEL_VERSION', action: 'CREATED' }],
    }),
  )
  const numbers = new Map<number, string>()
  const source = `runs:/${run_id}/m`
  const outcomes = await repeat(signal, async round => {
    const said = { name: 'storm', source, run_id, description: String(round) }
    const { model_version } = await api('POST', '2.0/mlflow/model-versions/create', said)
    numbers.set(round, model_version.version)
    await sleep(10)
  })
  return async () => {
    const { model_versions: found } = (await api('GET', '2.0/mlflow/model-versions/search?max_results=100000')) as {
      model_versions: { version: string; description: string }[]
    }
    const rounds = Map.groupBy(found, ({ description }) => Number(description))
    const wrong = outcomes.flatMap((outcome, round) => {
      const of = (rounds.get(round) ?? []).map(({ version }) => version)
      const isRight = outcome === 'unknown' ? of.length <= 1 : of.length === 1 && of[0] === numbers.get(round)
      return isRight ? [] : [`version of round ${round} (${outcome}): ${of.join(', ') || 'none'}`]
    })
    const { webhooks } = (await api('GET', '2.0/mlflow/webhooks')) as { webhooks: readonly object[] }
    const isTold = ({ version }: { version: string }): boolean =>
      (receiver.heard.get(version)?.size ?? 0) >= webhooks.length
    await until('all deliveries', async () => found.every(isTold), {
      signal: AbortSignal.timeout(120_000),
      // What a dead server had in hand is taken up by the next one after a minute.
      patience: 120_000,
    })
    for (const [version, ids] of receiver.heard)
      if (ids.size !== webhooks.length)
        wrong.push(`version ${version} was told by ${ids.size} deliveries of ${webhooks.length} webhooks`)
    if (receiver.heard.size !== found.length) wrong.push(`${receiver.heard.size} told of ${found.length} versions`)
    return { what: 'versions and webhooks', acknowledged: count(outcomes), wrong }
  }
}

interface Receiver {
  readonly url: string
  /** Ids of deliveries by the version that they were about. */
  readonly heard: ReadonlyMap<string, ReadonlySet<string>>
}

async function openReceiver(t: TestContext): Promise<Receiver> {
  const heard = new Map<string, Set<string>>()
  const server = createServer((request, response) => {
    void textOf(request).then(body => {
      const { version } = (JSON.parse(body) as { data: { version: string } }).data
      const ids = heard.get(version) ?? new Set()
      heard.set(version, ids.add(String(request.headers['x-mlflow-delivery-id'])))
      response.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, heard }
}

const spansEach = 5

/** Each trace has all of its spans once, or of an unknown one there is no trace. Every second export is repeated. */
async function traces({ api, server, experiment }: Work, signal: AbortSignal): Promise<Check> {
  const idOf = (round: number): Buffer => createHash('md5').update(`trace ${round}`).digest()
  const exportOf = (round: number): Uint8Array => {
    const spans = Array.from({ length: spansEach }, (_, index) => ({
      trace_id: idOf(round),
      span_id: Buffer.alloc(8, index + 1),
      ...(index > 0 && { parent_span_id: Buffer.alloc(8, 1) }),
      name: `s${index}`,
      start_time_unix_nano: '1700000000000000000',
      end_time_unix_nano: '1700000001000000000',
    }))
    return new Uint8Array(encodeRequest([{ resource: { attributes: [] }, scope_spans: [{ spans }] }]))
  }
  const send = async (round: number): Promise<void> => {
    const headers = { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': experiment }
    const reply = await fetch(`${server.url}/v1/traces`, { method: 'POST', headers, body: exportOf(round) })
    assert.equal(reply.status, 200, await reply.text())
  }
  const outcomes = await repeat(signal, round => (round % 2 === 0 ? patiently(signal, () => send(round)) : send(round)))
  return async () => {
    const wrong: string[] = []
    const rounds = [...outcomes.keys()]
    while (rounds.length > 0) {
      const some = rounds.splice(0, 100)
      const query = some.map(round => `trace_ids=tr-${idOf(round).toString('hex')}`).join('&')
      const { traces: found = [] } = (await api('GET', `3.0/mlflow/traces/batchGet?${query}`)) as {
        traces?: { trace_info: { trace_id: string }; spans: object[] }[]
      }
      const spans = new Map(found.map(trace => [trace.trace_info.trace_id, trace.spans.length]))
      for (const round of some) {
        const held = spans.get(`tr-${idOf(round).toString('hex')}`)
        if (held !== spansEach && !(outcomes[round] === 'unknown' && held === undefined))
          wrong.push(`trace ${round} (${outcomes[round]}): ${held ?? 'no'} spans`)
      }
    }
    return { what: 'traces', acknowledged: count(outcomes), wrong }
  }
}
