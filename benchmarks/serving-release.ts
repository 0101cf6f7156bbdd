/**
 * From the registry to the traffic: a version of an ONNX model that waits in staging is moved to production of a whole
 * platform, and its deployment, without a canary, is asked until it answers with that version: it has been bundled,
 * rehearsed, loaded and warmed up by then. Requests come all the while, and none may fail.
 *
 *   node benchmarks/serving-release.ts [--versions=30]
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { applyFolder } from '../src/cli/commands/project.ts'
import { platform, type Platform } from '../src/demo/platform.ts'
import { createTeller } from '../src/demo/teller.ts'
import { patientClient, until } from '../src/demo/world.ts'
import { logisticOnnx } from '../src/registry/index.ts'
import { startServer } from '../test/server.ts'
import { quantiles } from './load.ts'
import { printTable } from './table.ts'

const { values: options } = parseArgs({ options: { versions: { type: 'string', default: '30' } } })
const versions = Number(options.versions)
const limitMs = 5_000
const askEveryMs = 10

const judged = {
  ingest: { uses: 'data.ingest', params: { source: 'days' } },
  features: { uses: 'features.compute', inputs: { dataset: 'ingest.dataset' }, params: { view: 'day' } },
  rows: {
    uses: 'features.training-set',
    inputs: { features: 'features.features', dataset: 'ingest.dataset' },
    params: { service: 'wet', label: 'wet' },
  },
  split: { uses: 'features.split', inputs: { rows: 'rows.rows' }, params: { testShare: 0.3 } },
  train: {
    run: 'cp models/$TRAINYARD_PARAM_NUMBER.onnx "$TRAINYARD_OUTPUT_MODEL"',
    outputs: ['model'],
    params: { number: 1 },
  },
  evaluate: {
    uses: 'registry.evaluate',
    inputs: { model: 'train.model', test: 'split.test' },
    params: { model: 'wet' },
  },
  register: {
    uses: 'registry.register',
    inputs: { model: 'train.model', evaluation: 'evaluate.evaluation' },
    params: { model: 'wet' },
  },
}

const project = {
  name: 'wet',
  objective: {
    goal: 'Nobody gets wet.',
    kpi: 'Umbrellas',
    task: 'binary_classification',
    target: 'wet',
    metric: 'brier',
    threshold: 0.25,
    owners: {},
  },
  sources: { days: { type: 'csv', columns: { seen: 'timestamp', wind: 'number', wet: 'integer' } } },
  entities: { city: { key: 'city' } },
  features: { day: { entity: 'city', source: 'days', transform: 'transform.sql', engineer: 'engineer.sql' } },
  labels: { wet: { source: 'days', sql: 'wet.sql' } },
  services: { wet: { features: ['day'] } },
  pipelines: { training: { tasks: judged } },
  models: { wet: { pipeline: 'training', service: 'wet', label: 'wet', gate: { metric: 'brier', threshold: 0.25 } } },
  deployments: { wet: { model: 'wet', canary: { weight: 100 } } },
}

const files: Readonly<Record<string, string | Uint8Array>> = {
  'trainyard.yaml': JSON.stringify(project),
  'transform.sql': 'select city, seen, wind from source',
  'engineer.sql': 'select city, seen as event_time, wind from transformed',
  'wet.sql':
    'select city, seen + interval 1 hour as event_time, wet = 1 as label, seen + interval 2 hours as known_at from source',
  ...Object.fromEntries(
    Array.from({ length: versions }, (_, at) => [
      `models/${at + 1}.onnx`,
      logisticOnnx({ weights: { wind: 2 + at / 100 }, intercept: -10 }),
    ]),
  ),
}

const days = Array.from({ length: 500 }, (_, day) => {
  const wind = (day * 7) % 11
  return `Oslo,${new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 19)},${wind},${Number(wind > 5)}`
})

async function register(trainyard: Platform, number: number): Promise<string> {
  const { id } = await trainyard.start('training', { reason: `Version ${number}.`, params: { number } })
  await trainyard.finished(id)
  const registered = await trainyard.versions('wet')
  return registered.find(({ run }) => run === id)!.id
}

/** How long it takes from the move to production until the deployment answers with the version, in milliseconds. */
async function release(version: string): Promise<number> {
  const startedAt = performance.now()
  const to = { to: 'production', reason: 'It is the next.' }
  await client.send('POST', `/api/v1/model-versions/${version}/transitions`, to)
  while ((await answering()) !== version) {
    if (performance.now() - startedAt > 120_000)
      throw new Error(`Version ${version} does not answer after two minutes.`)
    await pause(askEveryMs)
  }
  return performance.now() - startedAt
}

const failed: string[] = []
let asked = 0
let hasAnswered = false

/** The version that answers; undefined while there is no deployment. */
async function answering(): Promise<string | undefined> {
  url ??= (await client.get<{ items: { url: string }[] }>('/api/v1/projects/wet/deployments')).items[0]?.url
  if (url === undefined) return undefined
  const inputs = [{ name: 'wind', datatype: 'FP32', shape: [1, 1], data: [4] }]
  const answer = await fetch(`${url}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) })
  const text = await answer.text()
  asked++
  if (answer.status !== 200) {
    // Before the first revision there is nobody to answer.
    if (hasAnswered) failed.push(`${answer.status} ${text}`)
    return undefined
  }
  hasAnswered = true
  return (JSON.parse(text) as { parameters: { model_version: string } }).parameters.model_version
}

/** The tasks of the last twenty deployments: how long each waited and took. */
async function stepsOf(trainyard: Platform): Promise<Record<string, string | number>[]> {
  const runs = await Promise.all((await trainyard.runs('deploy')).map(({ id }) => trainyard.run(id)))
  return ['bundle', 'rehearse', 'release'].map((name, at, names) => {
    const spans = runs.map(({ run, tasks }) => {
      const [task, before] = [name, names[at - 1]].map(wanted => tasks.find(each => each.name === wanted))
      const ready = before?.endedAt ?? run.createdAt
      return { waited: task!.startedAt! - ready, took: task!.endedAt! - task!.startedAt! }
    })
    const median = (of: 'waited' | 'took'): number => quantiles(spans.map(span => span[of])).p50Ms
    return { task: name, 'waited p50': median('waited'), 'took p50': median('took') }
  })
}

const data = await mkdtemp(join(tmpdir(), 'trainyard-release-'))
const checkout = join(data, 'project')
await mkdir(join(checkout, 'models'), { recursive: true })
for (const [path, content] of Object.entries(files)) await writeFile(join(checkout, path), content)
const server = await startServer({ data, port: 0, servingPort: 0 })
const client = patientClient(server.url)
let url: string | undefined
try {
  await applyFolder(client, checkout)
  const teller = createTeller({ write: () => {}, terminal: false })
  const world = { client, project: 'wet', checkout, teller, signal: AbortSignal.timeout(1_800_000) }
  const trainyard = platform(world as never)
  await trainyard.upload('days', `city,seen,wind,wet\n${days.join('\n')}\n`)
  const waiting: string[] = []
  for (let number = 1; number <= versions; number++) waiting.push(await register(trainyard, number))
  const took: number[] = []
  for (const version of waiting) {
    took.push(await release(version))
    // The run has an end of its own, and the next move is to be the only one.
    await until('the run', async () => (await trainyard.activeRuns()).length === 0, world as never)
  }
  const { p50Ms, p95Ms } = quantiles(took.slice(1))
  printTable('From the registry to the traffic, without a canary', [
    {
      versions: took.length - 1,
      'first ms': Math.round(took[0]!),
      'p50 ms': Math.round(p50Ms),
      'p95 ms': Math.round(p95Ms),
      'limit ms (p95)': limitMs,
      'most ms': Math.round(Math.max(...took.slice(1))),
      asked,
      failed: failed.length,
    },
  ])
  for (const text of new Set(failed)) console.log(text)
  printTable('Where the time goes: milliseconds after the one before has ended', await stepsOf(trainyard))
} finally {
  await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
  await server.stop()
  await rm(data, { recursive: true, force: true })
}
