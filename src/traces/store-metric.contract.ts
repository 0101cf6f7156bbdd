import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { add } from './store-testing.ts'
import type { TraceStore } from './store.ts'
import { metricQuery, type MetricQuestion } from './trace-metric.ts'
import { known } from './trace.ts'

/** What every {@link TraceStore} counts. Call it with traceStoreContract. */
export function traceMetricContract(name: string, open: (t: TestContext) => Promise<TraceStore>): void {
  const asker =
    (store: TraceStore) =>
    async (metric: string, more: Partial<MetricQuestion> = {}): Promise<unknown> => {
      const asked = {
        view: 'TRACES',
        aggregations: [{ type: 'COUNT' }],
        dimensions: [],
        filters: [],
        limit: 100,
      } as const
      const points = await store.measure(metricQuery({ ...asked, experiments: ['1'], metric, ...more }))
      return points.map(({ dimensions, values }) => [...Object.values(dimensions), ...Object.values(values)])
    }
  const all = [{ type: 'AVG' }, { type: 'MIN' }, { type: 'MAX' }, { type: 'PERCENTILE', percentile: 50 }] as const

  test(`${name}: traces are counted by name, state, session and time`, async t => {
    const store = await open(t)
    const count = asker(store)
    for (const [index, named] of ['ask', 'ask', 'plan', undefined].entries())
      await add(store, `tr-${index}`, {
        requestedAt: (index * 40_000) as Millis,
        state: index === 1 ? 'ERROR' : 'OK',
        ...(index === 3 ? {} : { durationMs: (index + 1) * 10 }),
        tags: { env: index === 0 ? 'dev' : 'prod', ...(named === undefined ? {} : { [known.name]: named }) },
        metadata: {
          [known.session]: index < 2 ? 's1' : 's2',
          [known.tokenUsage]:
            index === 3 ? 'no JSON, "input_tokens": x' : `{"input_tokens": ${index}, "total_tokens": 9}`,
        },
      })
    await add(store, 'tr-other', { experimentId: '2' })
    await store.linkRun(['tr-3'], 'r1')

    assert.deepEqual(await count('trace_count'), [[4]])
    assert.deepEqual(await count('trace_count', { dimensions: ['trace_name'] }), [
      ['ask', 2],
      ['plan', 1],
    ])
    assert.deepEqual(
      await count('trace_count', { dimensions: ['trace_status'], filters: ["trace.tag.env = 'prod'"] }),
      [
        ['ERROR', 1],
        ['OK', 2],
      ],
    )
    assert.deepEqual(await count('session_count'), [[2]])
    assert.deepEqual(await count('trace_count', { filters: ["trace.metadata.`mlflow.sourceRun` = 'r1'"] }), [[1]])
    assert.deepEqual(await count('trace_count', { filters: ["trace.status = 'OK'", "trace.tag.env = 'dev'"] }), [[1]])
    assert.deepEqual(await count('latency', { aggregations: all }), [[20, 10, 30, 20]])
    assert.deepEqual(await count('input_tokens', { aggregations: [{ type: 'SUM' }, { type: 'MAX' }] }), [[3, 2]])
    assert.deepEqual(await count('output_tokens', { aggregations: [{ type: 'SUM' }] }), [])
    const hourOf = { intervalSeconds: 60, from: 0 as Millis, to: 119_999 as Millis }
    assert.deepEqual(await count('trace_count', hourOf), [
      ['1970-01-01T00:00:00+00:00', 2],
      ['1970-01-01T00:01:00+00:00', 1],
    ])
    assert.deepEqual(await count('trace_count', { experiments: [] }), [])
    assert.deepEqual(await count('trace_count', { dimensions: ['trace_name'], limit: 1 }), [['ask', 2]])
  })

  test(`${name}: spans are counted, and cost what their calls cost; assessments as far as they are valid`, async t => {
    const store = await open(t)
    const count = asker(store)
    const call = { model: 'lama', provider: 'herd', inputCost: 0.5, outputCost: 0.25, totalCost: 0.75 }
    const second = 1_000_000_000n
    await add(store, 'tr-1', {
      requestedAt: 5_000 as Millis,
      spans: [
        { name: 'call', type: 'LLM', start: 5n * second, end: 5n * second + 3_000_000n, call },
        {
          name: 'call',
          type: 'LLM',
          start: 6n * second,
          end: 6n * second + 5_000_000n,
          call: { ...call, model: 'emu' },
        },
        { name: 'plan' },
      ],
      assessments: [
        { name: 'good', value: 'true' },
        { name: 'good', value: '"No"' },
        { name: 'good', value: '"maybe"' },
        { name: 'score', value: '0.5', kind: 'expectation' },
        { name: 'score', value: '9', valid: false },
      ],
    })
    const spans = { view: 'SPANS' } as const
    assert.deepEqual(await count('span_count', { ...spans, dimensions: ['span_name', 'span_type'] }), [
      ['call', 'LLM', 2],
      ['plan', 'UNKNOWN', 1],
    ])
    assert.deepEqual(await count('span_count', { ...spans, filters: ["span.type = 'LLM'", "trace.status = 'OK'"] }), [
      [2],
    ])
    assert.deepEqual(await count('latency', { ...spans, aggregations: all, filters: ["span.name = 'call'"] }), [
      [4, 3, 5, 4],
    ])
    const sum = { ...spans, aggregations: [{ type: 'SUM' }] } as const
    assert.deepEqual(await count('total_cost', sum), [[1.5]])
    assert.deepEqual(await count('input_cost', { ...sum, dimensions: ['span_model_name'] }), [
      ['emu', 0.5],
      ['lama', 0.5],
    ])
    assert.deepEqual(await count('total_cost', { ...sum, from: 6_000 as Millis, to: 6_000 as Millis }), [[0.75]])
    const said = { view: 'ASSESSMENTS' } as const
    assert.deepEqual(await count('assessment_count', { ...said, dimensions: ['assessment_name'] }), [
      ['good', 3],
      ['score', 1],
    ])
    assert.deepEqual(await count('assessment_value', { ...said, aggregations: all, dimensions: ['assessment_name'] }), [
      ['good', 0.5, 0, 1, 0.5],
      ['score', 0.5, 0.5, 0.5, 0.5],
    ])
    const filters = ["assessment.type = 'expectation'"]
    assert.deepEqual(await count('assessment_count', { ...said, filters }), [[1]])
  })
}
