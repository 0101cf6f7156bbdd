import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { sigmoid } from '../../src/serving/testing.ts'
import { askWith, openBed } from './bed.ts'

const limits = { timeout: 400_000 }
const probability = [Math.fround(sigmoid(1)), 0.5]
const predictions = probability.map((value, row) => ({
  probability: value,
  advice: ['take', 'leave'][row],
  sure: false,
}))

test('the scoring client of MLflow, and all protocols of the KServe client', limits, async () => {
  const { serving, grpcAddress } = await openBed()
  const { hostname, port } = new URL(serving.url())
  const table = { probability, advice: ['take', 'leave'], sure: [false, false] }

  const { mlflow, kserve } = (await askWith('scoring.py', 'serving-clients', hostname, port, await grpcAddress())) as {
    mlflow: Record<string, unknown>
    kserve: Record<string, unknown>
  }

  assert.match(String(mlflow['refused']), /Missing inputs: wind/)
  assert.deepEqual({ ...mlflow, refused: '' }, { frame: table, params: table, lists: table, refused: '' })
  const tensors = ['mine', [probability.map(value => [value]), ['take', 'leave'], [[false], [false]]]]
  assert.deepEqual(kserve, {
    grpc: tensors,
    'grpc ready': [true, true, true],
    v1: predictions,
    'v1 ready': true,
    v2: tensors,
    'v2 ready': [true, true, true],
  })
})

test('SageMaker and Vertex AI as their contracts say, by curl', limits, async () => {
  const { serving } = await openBed()
  const curl = async (path: string, ...options: readonly string[]) =>
    (await promisify(execFile)('curl', ['-s', '-w', ' %{http_code}', ...options, serving.url() + path])).stdout

  assert.equal(await curl('/ping'), '\n 200')
  assert.equal(
    await curl('/invocations', '-H', 'content-type: text/csv', '-H', 'accept: text/csv', '--data-binary', '2,1\n0,0\n'),
    `${probability[0]},take,false\n0.5,leave,false\n 200`,
  )
  const vertex = JSON.stringify({ instances: [{ wind: 2, rain: 1 }] })
  const answer = await curl('/predict', '-H', 'content-type: application/json', '-d', vertex)
  assert.match(answer, / 200$/)
  assert.deepEqual((JSON.parse(answer.slice(0, -4)) as { predictions: unknown }).predictions, [predictions[0]])
  assert.equal(await curl('/healthy'), '\n 200')
})
