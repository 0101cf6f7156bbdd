import type { TestContext } from 'node:test'
import { canonicalJson } from '#kernel/json.ts'
import { newId } from '#kernel/id.ts'
import { logisticOnnx, type ModelVersion } from '#registry'
import { files, openBench, rain, type Bench } from './testing.ts'

/** A project with versions to deploy, for the tests of deployments. */

const testRows =
  'city,event_time,wind,label\nSeattle,2015-01-01,1.5,0\nSeattle,2015-01-02,,1\nSeattle,2015-01-03,-2,1\n'

/** The project, applied without a push. */
export async function applied(t: TestContext, change = {}): Promise<Bench> {
  const bench = await openBench(t)
  await apply(bench, rain(change))
  return bench
}

export async function apply({ blobs, projects }: Bench, spec: unknown): Promise<void> {
  const entries = Object.entries(files).map(
    async ([path, text]) => [path, { ...(await blobs.put(text)), executable: false }] as const,
  )
  const tree = await blobs.put(canonicalJson(Object.fromEntries(await Promise.all(entries))))
  await projects.apply({ spec, code: tree.digest, actor: 'ada' })
}

/** A version in staging, evaluated by a run on two complete rows and an incomplete one. */
export async function registered(bench: Bench, weight: number): Promise<ModelVersion> {
  const { blobs, workflow, registry } = bench
  const model = await blobs.put(logisticOnnx({ weights: { wind: weight }, intercept: 0 }))
  const rows = await blobs.put(testRows)
  workflow.provide('test.rows', async () => ({ outputs: { test: { digest: rows.digest } } }))
  workflow.provide('registry.evaluate', async () => ({ outputs: {} }))
  const common = { params: {}, after: [], retries: 0, inputs: {}, outputs: [] }
  const run = await workflow.start({
    project: 'rain',
    pipeline: 'training',
    cause: { kind: 'manual', reason: 'A test.' },
    tasks: {
      rows: { ...common, uses: 'test.rows', outputs: ['test'] },
      evaluate: { ...common, uses: 'registry.evaluate', params: { model: 'rain' }, inputs: { test: 'rows.test' } },
    },
  })
  await workflow.settled(run.id, { timeoutMs: 60_000 })
  const key = newId('key')
  return registry.register(
    {
      key,
      project: 'rain',
      model: 'rain',
      digest: model.digest,
      bytes: model.size,
      run: run.id,
      signature: {
        inputs: [{ name: 'wind', datatype: 'FP32', shape: [-1, 1] }],
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
      },
      evaluation: {
        metric: 'brier',
        metrics: { brier: 0.1 },
        rows: 2,
        importance: {},
        gate: { passed: true, rules: [] },
      },
    },
    { evaluation: 'evl_1', task: 'tsk_1' },
  )
}

export const promote = ({ registry }: Bench, { id }: ModelVersion) =>
  registry.transition(id, { to: 'production', actor: 'ada', reason: 'It is good.' })
export const stages = ({ registry }: Bench, ...versions: ModelVersion[]) =>
  Promise.all(versions.map(async ({ id }) => (await registry.version(id)).stage))

/** Two versions: the first live, the second a canary that is being observed. */
export async function withCanary(bench: Bench): Promise<[ModelVersion, ModelVersion]> {
  const [first, second] = [await registered(bench, 1), await registered(bench, 2)]
  await promote(bench, first)
  await bench.ended('deploy')
  await promote(bench, second)
  for (let waited = 0; bench.serving.revisions.length < 2 && waited < 30_000; waited += 20)
    await new Promise(resolve => setTimeout(resolve, 20))
  return [first, second]
}
