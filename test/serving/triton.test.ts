import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extensions } from '../../src/serving/server/pages.ts'
import { sigmoid } from '../../src/serving/testing.ts'
import { askWith, openBed } from './bed.ts'

const environment = 'serving-clients'
const limits = { timeout: 400_000 }

/** The answers to wind 2 and 0, rain 1 and 0, as tensors of the client. */
const probability = [[Math.fround(sigmoid(1))], [0.5]]
const advice = ['take', 'leave']
const sure = [[false], [false]]
const all = [probability, advice, sure]

test('tritonclient[http] is answered in all that it asks', limits, async () => {
  const bench = await openBed()

  const { refused, ...found } = (await askWith('triton_http.py', environment, new URL(bench.serving.url()).host)) as {
    refused: Record<string, unknown>
  }

  assert.deepEqual(found, {
    health: [true, true, true, false],
    base: [true, ...all],
    server: extensions,
    metadata: { name: 'wind', datatype: 'FP32', shape: [-1, 1] },
    config: [10_000, ['wind', 'rain'].map(name => ({ name, data_type: 'TYPE_FP32', dims: [1] }))],
    binary: all,
    'json in': all,
    'json out': all,
    mixed: [probability, advice],
    half: [probability],
    id: 'mine',
    version: '1',
    classes: [0, 1].map(() => [probability.map(([value]) => [`${value}:0`])]),
    gzip: all,
    deflate: all,
    long: [3_000, 3_000],
    parameters: [advice],
    index: ['plain', 'rain'].map(name => ({ name, version: '1', state: 'READY', reason: '' })),
    stats: [
      ['plain', false, false],
      ['rain', true, true],
    ],
    'stats of one': 1,
    unloaded: [null, false, '503', null, true],
  })
  assert.deepEqual(refused, {
    'no such model': ['404', 'There is no deployment "snow".'],
    'slash in a name': ['404', 'There is no /v2/models/rain/a/infer.'],
    'no such version': ['404', 'Deployment rain has no revision "7"; it has 1, @live, @stable.'],
    'no such output': ['400', 'Output "snow" is unknown; the outputs are probability.'],
    shape: ['400', 'Input wind: shape [1,2], expected FP32 with shape [N,1] or [N].'],
    'shared memory': ['400', 'Input "wind": shared memory is not supported, send the data with the request.'],
    nan: ['400', 'Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted.'],
    'nan in json': [
      '400',
      'Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted.',
    ],
    trace: '404',
    logging: '404',
    'unknown model loads': ['404', 'There is no deployment "snow".'],
    'model in a load': [
      '400',
      'Parameter config: a load brings no model and no configuration. Deploy a version instead.',
    ],
  })
})

test('tritonclient[grpc] is answered the same', limits, async () => {
  const bench = await openBed()
  const { found, refused } = (await askWith('triton_grpc.py', environment, await bench.grpcAddress())) as {
    found: Record<string, unknown> & { config: { parameters: { row_ms: { string_value: string } } } }
    refused: Record<string, unknown>
  }

  const rowMs = found.config.parameters.row_ms.string_value
  assert.ok(Number(rowMs) > 0)
  assert.deepEqual(found, {
    health: [true, true, true, false],
    server: extensions,
    metadata: { name: 'wind', datatype: 'FP32', shape: ['-1', '1'] },
    config: {
      name: 'rain',
      platform: 'onnx_onnxv1',
      max_batch_size: 10_000,
      input: ['wind', 'rain'].map(name => ({ name, data_type: 'TYPE_FP32', dims: ['1'] })),
      output: [{ name: 'probability', data_type: 'TYPE_FP32', dims: ['1'] }],
      parameters: {
        placement: { string_value: 'inline' },
        row_ms: { string_value: rowMs },
        placement_reason: { string_value: `a row takes ${rowMs} ms` },
      },
    },
    infer: all,
    some: [advice],
    classes: [probability.map(([value]) => [`${value}:0`])],
    id: 'mine',
    version: '1',
    options: [advice],
    rows: 3_000,
    typed: [0, probability.flat(), advice, sure.flat()],
    stream: {
      'in order': true,
      refused: 'Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted.',
      values: [0.5],
    },
    index: ['plain', 'rain'].map(name => ({ name, version: '1', state: 'READY' })),
    stats: 'rain',
    unloaded: [null, false, 'StatusCode.UNAVAILABLE', null, true],
  })
  assert.deepEqual(refused, {
    'no such model': ['StatusCode.NOT_FOUND', 'There is no deployment "snow".'],
    'no such version': ['StatusCode.NOT_FOUND', 'Deployment rain has no revision "7"; it has 1, @live, @stable.'],
    'no such output': ['StatusCode.INVALID_ARGUMENT', 'Output "snow" is unknown; the outputs are probability.'],
    nan: [
      'StatusCode.INVALID_ARGUMENT',
      'Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted.',
    ],
    trace: 'StatusCode.UNIMPLEMENTED',
    'model in a load': [
      'StatusCode.INVALID_ARGUMENT',
      'Parameter config: a load brings no model and no configuration. Deploy a version instead.',
    ],
  })
})
