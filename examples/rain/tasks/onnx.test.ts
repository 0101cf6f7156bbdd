import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schema, toOnnx } from './onnx.ts'

const model = { mean: [1, 2], scale: [3, 4], weights: [0.5, -0.25], intercept: 0.125, steps: 1 }
const Model = schema.lookupType('Model')
const read = (bytes: Uint8Array) => Model.toObject(Model.decode(bytes), { longs: Number })
const { graph, opsetImport } = read(toOnnx(['wind', 'rained'], model))

test('each feature is an input of its own and the probability is the only output, all N rows of one column', () => {
  const shape = { dim: [{ dimParam: 'N' }, { dimValue: 1 }] }
  const column = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape } } })

  assert.deepEqual(graph.input, [column('wind'), column('rained')])
  assert.deepEqual(graph.output, [column('probability')])
})

test('the graph standardises, weighs and squashes', () => {
  assert.deepEqual(opsetImport, [{ version: 17 }])
  assert.deepEqual(
    graph.node.map((node: { opType: string }) => node.opType),
    ['Concat', 'Sub', 'Div', 'MatMul', 'Add', 'Sigmoid'],
  )
  assert.deepEqual(graph.initializer, [
    { name: 'mean', dataType: 1, dims: [1, 2], floatData: [1, 2] },
    { name: 'scale', dataType: 1, dims: [1, 2], floatData: [3, 4] },
    { name: 'weights', dataType: 1, dims: [2, 1], floatData: [0.5, -0.25] },
    { name: 'intercept', dataType: 1, dims: [1, 1], floatData: [0.125] },
  ])
})

test('what a node reads was written before', () => {
  const known = new Set<string>([...graph.input, ...graph.initializer].map(({ name }) => name))

  for (const { input, output } of graph.node) {
    assert.deepEqual(
      input.filter((name: string) => !known.has(name)),
      [],
    )
    output.forEach((name: string) => known.add(name))
  }
  assert.ok(known.has('probability'))
})
