import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaderOf, readMlmodel } from './mlmodel-read.ts'

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

for (const [what, flavors, loader] of [
  ['a class', '{trainyard: {class: "own:Sum"}, python_function: {}}', { loader: 'class', entry: 'own:Sum' }],
  [
    'a framework that MLflow wraps',
    '{python_function: {loader_module: mlflow.sklearn, predict_fn: predict_proba, code: code}, sklearn: {pickled_model: model.skops, serialization_format: skops, skops_trusted_types: [numpy.dtype]}}',
    {
      loader: 'sklearn',
      file: 'model.skops',
      format: 'skops',
      trusted: ['numpy.dtype'],
      call: 'predict_proba',
      code: 'code',
    },
  ],
  [
    'a framework alone',
    '{xgboost: {data: model.ubj, model_class: xgboost.sklearn.XGBClassifier}}',
    { loader: 'xgboost', file: 'model.ubj', entry: 'xgboost.sklearn.XGBClassifier' },
  ],
  [
    'a general flavour that does more than its framework',
    '{python_function: {loader_module: mlflow.pyfunc.model}, sklearn: {pickled_model: model.pkl}}',
    { loader: 'mlflow' },
  ],
  [
    'a framework without a file',
    '{pytorch: {}, python_function: {loader_module: mlflow.pytorch}}',
    { loader: 'mlflow' },
  ],
  ['a file outside of the folder', '{lightgbm: {data: ../model.lgb}}', undefined],
  ['another language', '{crate: {version: 1}}', undefined],
] as const)
  test(`of ${what}: how Python makes a model of it`, () => {
    assert.deepEqual(loaderOf(`flavors: ${flavors}`), loader)
  })
