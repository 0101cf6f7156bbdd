import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { judged } from './conversion.ts'

const found = {
  onnx: digestOf('onnx'),
  bytes: 900,
  rows: 1_000,
  sample: 'training data',
  differing: 0,
  maxDelta: 1.2e-7,
  onnxMs: 0.021,
  pythonMs: 0.74,
} as const

for (const { what, change, outcome, says } of [
  {
    what: 'gives the same answers sooner',
    change: {},
    outcome: 'faster',
    says: /1000 rows of its training data.*ONNX answers/,
  },
  {
    what: 'gives them later',
    change: { onnxMs: 0.9 },
    outcome: 'slower',
    says: /0\.90 ms a row against 0\.74 ms.*Python answers/,
  },
  {
    what: 'gives others',
    change: { differing: 3, maxDelta: 0.25 },
    outcome: 'inexact',
    says: /3 values .* by up to 0\.250/,
  },
])
  test(`a version that ${what} as ONNX is ${outcome}`, () => {
    const { reason, ...judgement } = judged({ ...found, ...change })

    assert.deepEqual(judgement, { ...found, ...change, outcome })
    assert.match(reason, says)
  })
