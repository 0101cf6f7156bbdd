import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BundleManifest } from '../bundle.ts'
import type { InputRules } from '#project/input-rule.ts'
import { requireRules } from '../input-rules.ts'
import { fileHooks, inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'

const rules: InputRules = {
  wind: { missing: 'default', default: 3, min: 0, max: 60 },
  rain: { missing: 'refuse', values: [0, 1, 2] },
}
const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const bench = (): Promise<Bench> =>
  (opening ??= (async () => {
    const made = await openBench(hooks)
    await made.deploy(await makeBundle(made.blobs, { change: { inputs: rules } }))
    await made.at('open').deploy(
      await makeBundle(made.blobs, {
        model: { weights: { wind: 0 }, intercept: 0 },
        change: { inputs: { wind: { missing: 'pass' } } },
      }),
    )
    return made
  })())

const tensor = (change: object) => ({ name: 'wind', shape: [1, 1], datatype: 'FP32', data: [0], ...change })
const rain = tensor({ name: 'rain' })
const rounded = (values: readonly unknown[]): number[] => values.map(value => Math.round((value as number) * 1e6) / 1e6)

test('a missing value is filled where the rule says so, and the answer and the log say which', async () => {
  const { infer, serving } = await bench()
  const filled = [sigmoid(3 - 1), sigmoid(2)]
  const forms: unknown[] = [
    inputs([null, 1], [2, 0]),
    '{"inputs":[{"name":"wind","shape":[2],"datatype":"FP32","data":[NaN,2]},{"name":"rain","shape":[2],"datatype":"INT64","data":[1,0]}]}',
  ]
  for (const form of forms) {
    const { body } = await infer(form)
    assert.deepEqual(rounded(body.outputs[0]!.data), rounded(filled))
    assert.equal((body.parameters as { filled?: string }).filled, 'wind')
  }
  const { body: without } = await infer({ inputs: inputs([0, 1]).inputs.slice(1) })
  assert.deepEqual(rounded(without.outputs[0]!.data), rounded([sigmoid(2)]))
  const { body: whole } = await infer(inputs([2, 0]))
  assert.ok(!('filled' in whole.parameters))

  await serving.collect()
  const logged = await Promise.all([without, whole].map(each => serving.prediction(each.parameters.prediction_id)))
  assert.deepEqual(
    logged.map(({ features, filled: named }) => [features, named]),
    [
      [{ wind: 3, rain: 1 }, ['wind']],
      [{ wind: 2, rain: 0 }, undefined],
    ],
  )
})

test('a table is filled the same, and its headers say which column', async () => {
  const { serving } = await bench()
  const answer = await fetch(`${serving.url()}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv', 'x-trainyard-deployment': 'rain' },
    body: 'wind,rain\n,1\n2,0\n',
  })

  assert.equal(answer.headers.get('x-trainyard-filled'), 'wind')
  const { predictions } = (await answer.json()) as { predictions: number[] }
  assert.deepEqual(rounded(predictions), rounded([sigmoid(2), sigmoid(2)]))
})

test('what is out of range is refused with input, row and what is allowed', async () => {
  const { infer } = await bench()
  const refusal = async (body: object) => {
    const answer = await infer(body)
    return [answer.status, answer.body.error]
  }

  assert.deepEqual(await refusal(inputs([2, 0], [-0.5, 0])), [400, 'Input wind, row 2: -0.5 is less than 0.'])
  assert.deepEqual(await refusal(inputs([61, 0])), [400, 'Input wind, row 1: 61 is more than 60.'])
  assert.deepEqual(await refusal(inputs([1, 3])), [400, 'Input rain, row 1: 3 is not one of 0, 1, 2.'])
  assert.deepEqual(await refusal(inputs([1, null])), [
    400,
    'Input rain, row 1: null is not a finite number of 32 bits; missing values are not accepted.',
  ])
  assert.deepEqual(await refusal({ inputs: inputs([1, 0]).inputs.slice(0, 1) }), [
    400,
    'Missing inputs: rain. This deployment looks no features up.',
  ])
  assert.deepEqual(await refusal(inputs(['7', 0])), [
    400,
    'Input wind, row 1: "7" is not a finite number of 32 bits; missing values are not accepted.',
  ])
})

test('a model that knows NaN is given it, and the log has nothing in its place', async () => {
  const { at, serving } = await bench()
  const { body, status } = await at('open').infer({
    inputs: [{ name: 'wind', shape: [1], datatype: 'FP32', data: [null] }],
  })

  // 0 × NaN is NaN, which is no answer: this model does not know it.
  assert.deepEqual([status, body.error], [500, 'Revision 1 of open failed: Output probability is NaN.'])
  await serving.collect()
  const { items } = await serving.predictions({ deployment: 'open', limit: 1 })
  assert.deepEqual(items[0]!.features, { wind: null })
})

test('requests that are refused for what is in them are counted, by what is wrong', async () => {
  const checked = (await bench()).at('checked')
  const rule = { missing: 'refuse', max: 5 } as const
  await checked.deploy(await makeBundle(checked.blobs, { change: { inputs: { wind: rule } } }))
  const wrong = [
    { inputs: [rain] },
    { inputs: [tensor({ data: [null] }), rain] },
    { inputs: [tensor({ name: 'snow' }), rain] },
    { inputs: [tensor({ data: ['much'] }), rain] },
    { inputs: [tensor({ datatype: 'BYTES' }), rain] },
    { inputs: [tensor({ shape: [1, 2] }), rain] },
    { inputs: [tensor({ data: [6] }), rain] },
    { inputs: 'none' },
  ]
  for (const body of wrong) assert.equal((await checked.infer(body)).status, 400)
  await checked.infer(inputs([0, 0]))

  const found = (await checked.get('/metrics')).text.matchAll(
    /trainyard_serving_validation_failures_total\{deployment="checked",kind="(\w+)"\} (\d+)/g,
  )

  assert.deepEqual(Object.fromEntries([...found].map(([, kind, count]) => [kind, Number(count)])), {
    missing: 2,
    unknown: 1,
    type: 2,
    shape: 1,
    range: 1,
    form: 1,
  })
})

test('rules that no request could be judged by are refused when the bundle is made', () => {
  const signature = {
    inputs: [
      { name: 'wind', datatype: 'FP32', shape: [-1, 1] },
      { name: 'city', datatype: 'BYTES', shape: [-1, 1] },
    ],
    outputs: [],
  }
  const problem = (declared: InputRules, service: BundleManifest['service'] = null) => {
    try {
      requireRules({ model: 'rain', signature }, { service, inputs: declared })
      return undefined
    } catch (error) {
      return (error as { detail: { problems: { field: string; allowed: string }[] } }).detail.problems.map(
        ({ field, allowed }) => `${field}: ${allowed}`,
      )
    }
  }

  assert.equal(problem({ wind: rules['wind']!, city: { missing: 'refuse', values: ['a'] } }), undefined)
  assert.deepEqual(problem({ sun: { missing: 'refuse' } }), [
    'models.rain.inputs.sun: an input of the model: wind, city',
  ])
  assert.deepEqual(problem({ city: { missing: 'pass', min: 1, values: [7] } }), [
    'models.rain.inputs.city.missing: refuse or default: BYTES has no NaN',
    'models.rain.inputs.city.min: none: BYTES has no order',
    'models.rain.inputs.city.values: values of BYTES',
  ])
  assert.deepEqual(problem({ wind: { missing: 'default', default: 'x' } }), [
    'models.rain.inputs.wind.default: a value of FP32',
  ])

  const trip = {
    view: 'trip',
    path: 'trip.sql',
    sql: 'select length(place) + day(since) as wind from request',
    columns: { place: 'string', since: 'date' },
    reads: [],
    fields: ['wind'],
  } as const
  const service = { entityKey: 'city', views: [], requests: [{ ...trip, reads: [], fields: ['wind'] }] }
  assert.equal(
    problem({ place: { missing: 'pass' }, since: { missing: 'default', default: '2026-11-29' } }, service),
    undefined,
  )
  assert.deepEqual(
    problem({ since: { missing: 'default', default: 'soon', values: ['2026-11-29'] }, sun: rules['wind']! }, service),
    [
      'models.rain.inputs.since.default: a value of BYTES',
      'models.rain.inputs.since.values: none of instants',
      'models.rain.inputs.sun: an input of the model: wind, city, place, since',
    ],
  )
})
