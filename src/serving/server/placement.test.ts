import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inputs, makeBundle, openBench, type Bench } from '../testing.ts'
import { placementOf, placementSentence } from './placement.ts'
import { endless, turnsOnnx, turnsSignature } from './testing-onnx.ts'

const turns = (count: number) => ({
  inputs: [{ name: 'turns', datatype: 'FP32', shape: [1, 1], data: [count] }],
})

/** Where and why a model computes, as clients are told. */
async function parametersOf(bench: Bench, name: string): Promise<Record<string, string>> {
  const { parameters } = JSON.parse((await bench.get(`/v2/models/${name}/config`)).text) as {
    parameters: Record<string, { string_value: string }>
  }
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, value.string_value]))
}

test('what a row costs decides where a model computes: below 0.5 ms, as far as 5 ms, beyond', () => {
  const costs = [0.01, 0.4999, 0.5, 5, 5.001, 50]

  assert.deepEqual(
    costs.map(cost => placementOf(cost).place),
    ['inline', 'inline', 'thread', 'thread', 'process', 'process'],
  )
  assert.equal(
    placementSentence('rain 3', placementOf(1.2345)),
    'Model rain 3 computes in a thread of its own: a row takes 1.23 ms.',
  )
})

test('a slow model is served from a process beside a fast one, which answers meanwhile; where and why is to be seen', async t => {
  const bench = await openBench(t)
  await bench.deploy(await makeBundle(bench.blobs))
  const slow = bench.at('slow')
  // Many turns, so that a row takes more than 5 ms on any machine.
  const golden = [{ inputs: { turns: 100_000 }, outputs: { result: 100_000 } }]
  await slow.deploy(
    await makeBundle(bench.blobs, {
      file: turnsOnnx,
      change: { model: 'turns', number: 2, signature: turnsSignature, golden },
    }),
  )

  assert.equal((await parametersOf(bench, 'rain'))['placement'], 'inline')
  const { placement, row_ms, placement_reason } = await parametersOf(bench, 'slow')
  assert.equal(placement, 'process')
  assert.equal(placement_reason, `a row takes ${row_ms} ms`)
  const metrics = (await bench.get('/metrics')).text
  assert.match(
    metrics,
    /trainyard_serving_model_placement\{deployment="slow",revision="[^"]+",placement="process"\} 1\n/,
  )
  assert.match(metrics, /trainyard_serving_model_row_seconds\{deployment="slow",revision="[^"]+"\} 0\.\d/)
  const log = await readFile(join(bench.folder, 'serving', 'server.log'), 'utf8')
  assert.match(log, /Model turns 2 computes in a process of its own: a row takes [\d.e+]+ ms\./)

  const answered: string[] = []
  const slowAnswer = slow.infer(turns(500_000)).then(({ status }) => answered.push(`slow ${status}`))
  for (let asked = 0; asked < 5; asked++) await bench.infer(inputs([0, 0])).then(() => answered.push('fast'))
  await slowAnswer

  assert.deepEqual(answered, ['fast', 'fast', 'fast', 'fast', 'fast', 'slow 200'])
})

test('a model with a loop computes in a process though its example is cheap, and others answer beside endless turns', async t => {
  const bench = await openBench(t)
  await bench.deploy(await makeBundle(bench.blobs))
  const looping = bench.at('looping')
  const change = { signature: turnsSignature, golden: [{ inputs: { turns: 1 }, outputs: { result: 1 } }] }
  await looping.deploy(await makeBundle(bench.blobs, { file: turnsOnnx, change }))

  const { row_ms, ...told } = await parametersOf(bench, 'looping')
  const late = looping.infer(turns(endless), { headers: { 'x-request-timeout-ms': '500' } })
  const { status } = await bench.infer(inputs([0, 0]))

  assert.ok(Number(row_ms) < 5, `${row_ms}`)
  assert.deepEqual(
    [told, status, (await late).status],
    [{ placement: 'process', placement_reason: 'it has a loop, which may turn as often as a request says' }, 200, 504],
  )
})
