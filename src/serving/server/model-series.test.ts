import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricsText } from './metrics.ts'
import { modelSeries } from './model-series.ts'
import { addStage, noCounts } from './stage-counts.ts'
import type { ModelReading } from './statistics.ts'

function reading(revision: string, version: string): ModelReading {
  const spent = (count: number, ns: number) => ({ count, ns })
  const stages = { bind: noCounts(), run: noCounts(), answer: noCounts() }
  for (const ms of [0.4, 3, 9_000]) addStage(stages.run, ms)
  addStage(stages.bind, 1)
  return {
    revision,
    waiting: 2,
    stages,
    stats: {
      name: 'rain',
      version,
      last_inference: 1,
      inference_count: 306,
      execution_count: 3,
      inference_stats: {
        success: spent(3, 9_003_400_000),
        fail: spent(1, 5),
        queue: spent(3, 2_000),
        compute_input: spent(3, 3_000),
        compute_infer: spent(3, 4_000),
        compute_output: spent(3, 5_000),
      },
      response_stats: {},
      batch_stats: [
        { batch_size: 2, compute_infer: spent(1, 1) },
        { batch_size: 4, compute_infer: spent(1, 1) },
      ],
      memory_usage: [],
    },
  }
}

const linesOf = async (name: string, ...readings: (readonly ModelReading[])[]) =>
  (await metricsText(readings.map(read => [...modelSeries(read)]))).split('\n').filter(line => line.startsWith(name))

test('Triton’s counters are those of all processes, by model and version', async () => {
  const one = [reading('rev_1', '1'), reading('rev_2', '2')]
  assert.deepEqual(await linesOf('nv_inference', one, [reading('rev_1', '1')]), [
    ...['request_success', 'request_failure', 'count', 'exec_count'].flatMap((name, index) => {
      const [value, reason] = [[3, 1, 306, 3][index]!, index === 1 ? ',reason="OTHER"' : '']
      return [
        `nv_inference_${name}{model="rain",version="1"${reason}} ${2 * value}`,
        `nv_inference_${name}{model="rain",version="2"${reason}} ${value}`,
      ]
    }),
    ...['request', 'queue', 'compute_input', 'compute_infer', 'compute_output'].flatMap((name, index) => {
      const value = [9_003_400, 2, 3, 4, 5][index]!
      return [
        `nv_inference_${name}_duration_us{model="rain",version="1"} ${2 * value}`,
        `nv_inference_${name}_duration_us{model="rain",version="2"} ${value}`,
      ]
    }),
    'nv_inference_pending_request_count{model="rain",version="1"} 4',
    'nv_inference_pending_request_count{model="rain",version="2"} 2',
  ])
})

test('KServe’s histograms are of a model, whichever of its revisions answered', async () => {
  const lines = await linesOf('request_predict_seconds', [reading('rev_1', '1'), reading('rev_2', '2')])
  assert.deepEqual(
    lines.filter(line => /"0.0005"|"0.0025"|"0.005"|"2.5"|Inf|_sum|_count/.test(line)),
    [
      'request_predict_seconds_bucket{le="0.0005",model_name="rain"} 2',
      'request_predict_seconds_bucket{le="0.0025",model_name="rain"} 2',
      'request_predict_seconds_bucket{le="0.005",model_name="rain"} 4',
      'request_predict_seconds_bucket{le="2.5",model_name="rain"} 4',
      'request_predict_seconds_bucket{le="+Inf",model_name="rain"} 6',
      'request_predict_seconds_sum{model_name="rain"} 18.0068',
      'request_predict_seconds_count{model_name="rain"} 6',
    ],
  )
})

test('runs are counted by the rows that shared them, also those too large to be told apart', async () => {
  const lines = await linesOf('trainyard_serving_batch_rows', [reading('rev_1', '1')])
  const of = (le: string) => lines.find(line => line.includes(`le="${le}"`))!.split(' ')[1]
  assert.deepEqual(
    [of('1'), of('2'), of('4'), of('256'), of('+Inf'), lines.at(-2)!.split(' ')[1], lines.at(-1)!.split(' ')[1]],
    ['0', '1', '2', '2', '3', '306', '3'],
  )
})
