import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ProjectFile } from '#project'
import { inputs, makeBundle, openBench, sigmoid, type Answer } from './testing.ts'

/** Graphs in a real model server, as the project file declares them. */

type Graph = NonNullable<ProjectFile['graphs']>[string]

const graph = (nodes: Graph['nodes'], change: Partial<Graph> = {}): Graph => ({
  inputs: { wind: 'FP32', rain: 'FP32' },
  outputs: { probability: 'FP32' },
  nodes,
  ...change,
})

/** Two deployments: `rain` answers σ(wind − rain), `calm` σ(−wind). */
async function openGraphs(t: TestContext) {
  const bench = await openBench(t)
  await bench.deploy(await makeBundle(bench.blobs))
  await bench.at('calm').deploy(await makeBundle(bench.blobs, { model: { weights: { wind: -1 }, intercept: 0 } }))
  return bench
}

const values = ({ outputs }: Answer): Record<string, readonly unknown[]> =>
  Object.fromEntries(outputs.map(({ name, data }) => [name, data]))

const near = (given: readonly unknown[] | undefined, known: readonly number[]): void => {
  assert.equal(given?.length, known.length)
  for (const [at, value] of known.entries()) assert.ok(Math.abs(Number(given![at]) - value) < 1e-6, String(given![at]))
}

test('a graph is asked as a deployment is, over its protocols, and its deployments log what they answer', async t => {
  const bench = await openGraphs(t)
  const code = {
    'serving/gusts.ts': `import { factor } from './factor.ts'\nexport const gusts = ({ wind }) => ({ wind: wind.map(w => w * factor) })`,
    'serving/factor.ts': 'export const factor = 2',
    'serving/words.ts': `export default ({ probability }) => ({ advice: probability.map(p => (p > 0.5 ? 'take' : 'leave')) })`,
  }
  await bench.declareGraphs(
    {
      advice: graph(
        {
          root: { sequence: ['gusts', 'pick', 'words'] },
          gusts: { code: 'serving/gusts.ts', export: 'gusts' },
          pick: { switch: [{ node: 'calm', when: { input: 'wind', below: 0 } }, { node: 'stormy' }] },
          calm: { deployment: 'calm' },
          stormy: { deployment: 'rain' },
          words: { code: './serving/words.ts', export: 'default' },
        },
        { outputs: { advice: 'BYTES' } },
      ),
      both: graph({
        root: { ensemble: ['a', 'b'], combine: 'mean' },
        a: { deployment: 'rain' },
        b: { deployment: 'calm' },
      }),
    },
    code,
  )

  const { status, body } = await bench.at('advice').infer(inputs([1, 0], [-3, 0], [0.5, 4]))
  assert.deepEqual([status, values(body)], [200, { advice: ['take', 'take', 'leave'] }])
  const mean = (await bench.at('both').infer(inputs([1, 0]))).body
  near(values(mean)['probability'], [(sigmoid(1) + sigmoid(-1)) / 2])
  const v1 = await fetch(`${bench.serving.url()}/v1/models/advice:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances: [{ wind: 1, rain: 0 }] }),
  })
  assert.deepEqual(((await v1.json()) as { predictions: unknown }).predictions, ['take'])

  const [listed] = await bench.serving.graphs('rain')
  assert.deepEqual(
    [listed!.url, listed!.nodes.map(({ kind, asks }) => `${kind} ${asks.join()}`)],
    [
      `${bench.serving.url()}/v2/models/advice`,
      [
        'sequence gusts,pick,words',
        'code serving/gusts.ts',
        'switch calm,stormy',
        'deployment calm',
        'deployment rain',
        'code ./serving/words.ts',
      ],
    ],
  )
  const metadata = JSON.parse((await bench.get('/v2/models/advice')).text) as Record<string, unknown>
  assert.deepEqual(
    [metadata['platform'], metadata['inputs'], metadata['outputs']],
    [
      'trainyard_graph',
      ['wind', 'rain'].map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
      [{ name: 'advice', datatype: 'BYTES', shape: [-1, 1] }],
    ],
  )
  const { text } = await bench.get('/metrics')
  for (const [node, count] of [
    ['root', 2],
    ['gusts', 2],
    ['calm', 1],
    ['stormy', 2],
  ])
    assert.match(text, new RegExp(`node_seconds_count\\{graph="advice",node="${node}",outcome="answered"} ${count}`))
  await bench.serving.collect()
  const logged = async (deployment: string) => (await bench.serving.predictions({ deployment, limit: 50 })).items
  assert.deepEqual([(await logged('rain')).length, (await logged('calm')).length], [4, 2])
  const ids = JSON.parse(body.parameters.prediction_id) as string[]
  const deployments = await Promise.all(ids.map(async id => (await bench.serving.prediction(id)).deployment))
  assert.deepEqual(deployments, ['rain', 'calm', 'rain'])
})

test('a graph follows the project file, and is unloaded and loaded as a deployment is', async t => {
  const bench = await openGraphs(t)
  const of = (deployment: string) => ({ one: graph({ root: { deployment } }) })
  const ask = async () => bench.at('one').infer(inputs([1, 0]))
  const post = async (verb: string) =>
    (await fetch(`${bench.serving.url()}/v2/repository/models/one/${verb}`, { method: 'POST' })).status

  await bench.declareGraphs(of('rain'))
  near(values((await ask()).body)['probability'], [sigmoid(1)])
  await bench.declareGraphs(of('calm'))
  near(values((await ask()).body)['probability'], [sigmoid(-1)])
  assert.deepEqual(
    [await post('unload'), (await ask()).status, await post('load'), (await ask()).status],
    [200, 503, 200, 200],
  )
  await bench.declareGraphs({})
  assert.equal((await ask()).status, 404)
})

test('what goes wrong in a graph is said with its node', async t => {
  const bench = await openGraphs(t)
  await bench.declareGraphs(
    {
      gone: graph({ root: { sequence: ['model'] }, model: { deployment: 'snow' } }),
      thrown: graph({ root: { code: 'bad.ts', export: 'default' } }),
      empty: graph({ root: { sequence: ['say'] }, say: { code: 'empty.ts', export: 'say' } }),
    },
    { 'bad.ts': `export default () => { throw new Error('no such city') }`, 'empty.ts': 'export {}' },
  )
  const said = async (name: string) => {
    const { status, body } = await bench.at(name).infer(inputs([1, 0]))
    return [status, body.error]
  }

  assert.deepEqual(await said('gone'), [503, 'Node model of gone: The deployment snow does not answer yet.'])
  assert.deepEqual(await said('thrown'), [500, 'Revision 2 of thrown failed: Node root of thrown: no such city'])
  assert.deepEqual(await said('empty'), [503, 'Deployment empty has no revision that can answer.'])
  const index = await fetch(`${bench.serving.url()}/v2/repository/index`, { method: 'POST' })
  const { reason } = ((await index.json()) as { name: string; reason: string }[]).find(({ name }) => name === 'empty')!
  assert.equal(reason, 'Node say of empty: empty.ts does not export a function named say.')
  const { body } = await bench.at('thrown').infer({ inputs: inputs([1, 0]).inputs.slice(1) })
  assert.match(body.error!, /wind/)
})
