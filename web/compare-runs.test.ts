import { test } from 'node:test'
import { differences, extremes, originOf } from './compare-runs.ts'
import type { TrackingRun } from './wire.ts'

test('what differs comes apart from what is the same, and to have nothing is a difference', t => {
  t.assert.deepEqual(
    differences([
      { lr: '0.1', seed: '1' },
      { lr: '0.2', seed: '1', extra: 'x' },
    ]),
    {
      different: [
        { name: 'extra', values: [undefined, 'x'], isSame: false },
        { name: 'lr', values: ['0.1', '0.2'], isSame: false },
      ],
      same: [{ name: 'seed', values: ['1', '1'], isSame: true }],
    },
  )
})

test('names of things that all objects have are names like others', t => {
  t.assert.deepEqual(
    differences([{}, { toString: 'x' }]).different.map(({ values }) => values),
    [[undefined, 'x']],
  )
})

test('the origin of a run is its code, environment and data', t => {
  const run = {
    user: 'ada',
    tags: {
      'mlflow.source.git.commit': 'abc',
      'mlflow.source.name': 'train.py',
      'trainyard.code': 'e1',
      'trainyard.environment.python': '3.12, uv.lock, f0',
    },
    datasets: [{ name: 'weather', digest: '12', context: 'training' }],
  } as unknown as TrackingRun
  t.assert.deepEqual(originOf(run), {
    'Git commit': 'abc',
    Code: 'e1',
    Source: 'train.py',
    'Environment: python': '3.12, uv.lock, f0',
    By: 'ada',
    'Data: weather (training)': '12',
  })
})

test('extremes are of numbers that differ', t => {
  t.assert.deepEqual(
    [extremes([1, null, 3, undefined]), extremes([2, 2]), extremes([1]), extremes([])],
    [{ low: 1, high: 3 }, undefined, undefined, undefined],
  )
})
