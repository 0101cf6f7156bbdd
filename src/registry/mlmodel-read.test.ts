import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMlmodel } from './mlmodel-read.ts'

test('flavour, signature and example are read from a model of columns', () => {
  const text = `flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
signature:
  inputs: '[{"type": "double", "name": "wind", "required": true}, {"type": "long", "name": "day"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
saved_input_example_info: {artifact_path: input_example.json, type: dataframe}
`
  assert.deepEqual(readMlmodel(text), {
    flavor: 'sklearn',
    signature: {
      inputs: [
        { name: 'wind', datatype: 'FP64', shape: [-1, 1] },
        { name: 'day', datatype: 'INT64', shape: [-1, 1] },
      ],
      outputs: [{ name: 'output', datatype: 'INT64', shape: [-1] }],
    },
    inputExample: 'input_example.json',
  })
})

test('a model that says little is read as far as it goes, and what is no MLmodel says nothing', () => {
  assert.deepEqual(
    ['flavors: {python_function: {}}', 'flavors: 3', 'signature: {inputs: "[{"}', '- 1', 'a: [', ''].map(readMlmodel),
    [{ flavor: 'python_function' }, {}, {}, {}, {}, {}],
  )
})
