import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBundle, openBench, sigmoid } from '../../src/serving/testing.ts'
import { askWith } from './bed.ts'

test(
  'a graph is asked by the clients of Triton over HTTP and gRPC, and of MLflow, as a model is',
  { timeout: 400_000 },
  async t => {
    const bench = await openBench(t, { doors: { deployment: 'advice', grpcPort: 0 } })
    await bench.deploy(await makeBundle(bench.blobs))
    await bench.at('calm').deploy(await makeBundle(bench.blobs, { model: { weights: { wind: -1 }, intercept: 0 } }))
    await bench.declareGraphs(
      {
        advice: {
          inputs: { city: 'BYTES', wind: 'FP32', rain: 'FP32' },
          outputs: { probability: 'FP32', advice: 'BYTES' },
          nodes: {
            root: { sequence: ['pick', 'words'] },
            pick: { switch: [{ node: 'north', when: { input: 'city', in: ['Oslo'] } }, { node: 'south' }] },
            north: { deployment: 'rain' },
            south: { deployment: 'calm' },
            words: { code: 'serving/words.ts', export: 'default' },
          },
        },
      },
      {
        'serving/words.ts': `export default ({ probability, city }) => ({ probability, advice: city.map((name, row) => name + (probability[row] > 0.6 ? ': take' : ': leave')) })`,
      },
    )
    const { hostname, port } = new URL(bench.serving.url())

    const found = (await askWith('graph_clients.py', 'serving-clients', hostname, port, await bench.grpcAddress())) as {
      mlflow: { refused: string }
    } & Record<string, object>

    const answers = {
      probability: [sigmoid(1), 0.5, sigmoid(-4)].map(value => Number(value.toFixed(5))),
      advice: ['Oslo: take', 'Rom: leave', 'Oslo: leave'],
    }
    const refused = 'Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted.'
    const triton = { ready: true, ...answers, refused }
    assert.match(found.mlflow.refused, /wind/)
    assert.deepEqual(found, {
      platform: 'trainyard_graph',
      inputs: [
        ['city', 'BYTES'],
        ['wind', 'FP32'],
        ['rain', 'FP32'],
      ],
      http: triton,
      grpc: triton,
      mlflow: { ...answers, refused: found.mlflow.refused },
    })
    await bench.serving.collect()
    const logged = await Promise.all(
      ['rain', 'calm'].map(deployment => bench.serving.predictions({ deployment, limit: 100 })),
    )
    assert.deepEqual(
      logged.map(({ items }) => items.length),
      [6, 3],
      'three clients, and nothing of what was refused',
    )
  },
)
