import { test } from 'node:test'
import { pathOfHash } from './mlflow-address.ts'

test('addresses that MLflow prints lead to the page of the same thing', t => {
  const run = '01a1feb0459170009f19626cd29e6481'
  const hashes = [
    `/experiments/5/runs/${run}`,
    `/experiments/5/runs/${run}/artifacts/model?workspace=default`,
    '/experiments/5',
    '/experiments/5/traces',
    '/experiments',
    '/models/rain.umbrella/versions/3',
    '/models/with%20space',
    '/models',
    `/compare-runs?runs=["${run}","b"]&experiments=["5"]`,
  ]
  t.assert.deepEqual(hashes.map(pathOfHash), [
    `/experiments/5/runs/${run}`,
    `/experiments/5/runs/${run}`,
    '/experiments/5',
    '/experiments/5',
    '/experiments',
    '/models/rain.umbrella/versions/3',
    '/models/with%20space',
    '/models',
    `/experiments/compare?runs=${run},b`,
  ])
})

test('a place inside a page is no address of MLflow', t => {
  t.assert.deepEqual(['', 'content', '#content', '/', '/elsewhere'].map(pathOfHash), Array(5).fill(undefined))
})

test('a list of runs that is no list leads to a comparison of none', t => {
  t.assert.deepEqual(
    ['/compare-runs?runs=nothing', '/compare-runs?runs=["../x"]', '/compare-runs'].map(pathOfHash),
    Array(3).fill('/experiments/compare?runs='),
  )
})
