import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { createComparison } from './comparison.ts'
import { pythonWith } from './environment.ts'
import { runFlows } from './flows.ts'
import { startMlflow, startOurs, type RunningServer } from './servers.ts'

/** The clients that are proven: the oldest supported, the last 2.x, an early 3.x, the newest. */
const clients = ['2.9.2', '2.22.5', '3.6.0', '3.17.2']
/** MLflow's own server, which serves them all. */
const newest = '3.17.2'

const flows = [
  'experiments',
  'runs',
  'metrics',
  'run_search',
  'datasets',
  'artifacts',
  'big_artifact',
  'autolog',
  'models',
  'registry',
  'prompts',
  'webhooks',
  'traces',
  'genai',
]

suite("MLflow's clients see the same from ours as from MLflow's own server", { timeout: 900_000 }, () => {
  const comparison = createComparison()
  let folder: string
  let theirs: RunningServer
  let ours: RunningServer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainyard-mlflow-'))
    theirs = await startMlflow({ python: await pythonWith(`mlflow-${newest}`), folder: join(folder, 'mlflow') })
    // Conversions are tested where models are served.
    ours = await startOurs(join(folder, 'trainyard'), { TRAINYARD_SERVING_CONVERSION: 'deployment' })
  })

  after(async () => {
    await Promise.allSettled([theirs?.stop(), ours?.stop()])
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  for (const version of clients) {
    test(`mlflow ${version}`, async t => {
      const python = await pythonWith(`mlflow-${version}`)
      const servers = [theirs.url, ours.url]
      const own = { python, prefix: `v${version}`, folder: join(folder, version) }
      const [expected, actual] = await runFlows({ ...own, servers, flows })
      for (const [index, flow] of expected!.entries()) {
        await t.test(flow.flow, () => comparison.compare(flow, actual![index]!))
      }
    })
  }

  test('every declared difference is seen by some client', () => comparison.complete(flows))
})
