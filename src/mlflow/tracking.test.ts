import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWire } from './tracking-testing.ts'

const now = 1_700_000_000_000

test('an experiment is made, read by id and name, renamed, and tagged', async t => {
  const { post, get } = await openWire(t)

  const made = await post('experiments/create', { name: 'a/b', tags: [{ key: 'k', value: 'v' }] })
  const { experiment_id: id } = made.body
  await post('experiments/update', { experiment_id: Number(id), newName: 'c' })
  await post('experiments/set-experiment-tag', { experiment_id: id, key: 'k', value: 'w' })

  const experiment = {
    experiment_id: '1',
    name: 'c',
    artifact_location: 'mlflow-artifacts:/1',
    lifecycle_stage: 'active',
    last_update_time: now,
    creation_time: now,
    tags: [{ key: 'k', value: 'w' }],
  }
  assert.deepEqual(made, { status: 200, body: { experiment_id: '1' } })
  assert.deepEqual(
    [
      await get('experiments/get', { experiment_id: '1' }),
      await get('experiments/get-by-name', { experiment_name: 'c' }),
    ],
    [
      { status: 200, body: { experiment } },
      { status: 200, body: { experiment } },
    ],
  )
})

test('a body that was cut off makes nothing', async t => {
  const { post, run } = await openWire(t)
  await run()

  const { status, body } = await post('runs/create', '{"experiment_id": "1", "run_na')

  assert.deepEqual([status, body['error_code']], [400, 'INVALID_PARAMETER_VALUE'])
  const found = (await post('runs/search', { experiment_ids: ['0', '1'] })).body['runs'] as readonly unknown[]
  assert.equal(found.length, 1)
})

test('errors have the status and code by which MLflow’s clients decide', async t => {
  const { post, get, run } = await openWire(t)
  const { run: id } = await run()
  await post('runs/log-parameter', { run_id: id, key: 'p', value: '1' })

  const answers = {
    missing: await post('experiments/create'),
    taken: await post('experiments/create', { name: 'e1' }),
    emptyName: await post('experiments/create', { name: '' }),
    location: await post('experiments/create', { name: 'x', artifact_location: 's3://a/%2e%2e/b' }),
    unknownName: await get('experiments/get-by-name', { experiment_name: 'nobody' }),
    unknownId: await get('experiments/get', { experiment_id: 'abc' }),
    noMax: await post('experiments/search'),
    bigMax: await post('experiments/search', { max_results: 50_001 }),
    unknownRun: await get('runs/get', { run_id: 'f'.repeat(32) }),
    noRun: await post('runs/set-tag', { key: 'a' }),
    changed: await post('runs/log-parameter', { run_id: id, key: 'p', value: '2' }),
    badKey: await post('runs/log-batch', { run_id: id, metrics: [{ key: '/a', value: 1, timestamp: 0 }] }),
    noTime: await post('runs/log-batch', { run_id: id, metrics: [{ key: 'a', value: 1 }] }),
    badValue: await post('runs/log-metric', { run_id: id, key: 'a', value: true, timestamp: 0 }),
    badText: await post('runs/log-metric', { run_id: id, key: 'a', value: '1e999x', timestamp: 0 }),
    noTag: await post('runs/delete-tag', { run_id: id, key: 'none' }),
    badFilter: await post('runs/search', { experiment_ids: ['1'], filter: 'metrics.a >' }),
    badToken: await post('runs/search', { experiment_ids: ['1'], page_token: '!' }),
    twoNames: await post('runs/create', { run_name: 'a', tags: [{ key: 'mlflow.runName', value: 'b' }] }),
    many: await post('runs/log-batch', {
      run_id: id,
      params: Array.from({ length: 101 }, (_, n) => ({ key: `k${n}` })),
    }),
    twice: await post('runs/log-batch', { run_id: id, params: [{ key: 'q' }, { key: 'q' }] }),
  }
  const said = Object.entries(answers).map(([name, { status, body }]) => [
    name,
    `${status} ${String(body['error_code'])}`,
  ])
  assert.deepEqual(Object.fromEntries(said), {
    missing: '400 INVALID_PARAMETER_VALUE',
    taken: '400 RESOURCE_ALREADY_EXISTS',
    emptyName: '400 INVALID_PARAMETER_VALUE',
    location: '400 INVALID_PARAMETER_VALUE',
    unknownName: '404 RESOURCE_DOES_NOT_EXIST',
    unknownId: '404 RESOURCE_DOES_NOT_EXIST',
    noMax: '400 INVALID_PARAMETER_VALUE',
    bigMax: '400 INVALID_PARAMETER_VALUE',
    unknownRun: '404 RESOURCE_DOES_NOT_EXIST',
    noRun: '400 INVALID_PARAMETER_VALUE',
    changed: '400 INVALID_PARAMETER_VALUE',
    badKey: '400 INVALID_PARAMETER_VALUE',
    noTime: '400 INVALID_PARAMETER_VALUE',
    badValue: '400 INVALID_PARAMETER_VALUE',
    badText: '400 INVALID_PARAMETER_VALUE',
    noTag: '404 RESOURCE_DOES_NOT_EXIST',
    badFilter: '400 INVALID_PARAMETER_VALUE',
    badToken: '400 INVALID_PARAMETER_VALUE',
    twoNames: '400 INVALID_PARAMETER_VALUE',
    many: '400 INVALID_PARAMETER_VALUE',
    twice: '400 INVALID_PARAMETER_VALUE',
  })
  assert.deepEqual(
    [answers.missing, answers.noTime, answers.unknownRun].map(({ body }) => body['message']),
    [
      "Missing value for required parameter 'name'.",
      "Missing value for required parameter 'metrics[0].timestamp'.",
      `Run with id=${'f'.repeat(32)} not found`,
    ],
  )
})

test('a new run has MLflow’s form, and what it logs comes back in it', async t => {
  const { post, get, run } = await openWire(t)
  const { experiment, run: id } = await run()
  const fresh = (await get('runs/get', { run_uuid: id })).body['run']

  const metrics = [
    { key: 'a', value: 'NaN', timestamp: '7', step: 2.0 },
    { key: 'b', value: '-Infinity', timestamp: 7 },
    { key: 'c', value: '1.5', timestamp: 7, step: '-3' },
  ]
  const batch = { run_id: id, metrics, params: [{ key: 'p', value: '"é"' }], tags: [{ key: 't', value: '' }] }
  const answers = [
    await post('runs/log-batch', batch),
    await post('runs/log-batch', batch),
    await post('runs/log-metric', JSON.stringify(JSON.stringify({ runId: id, key: 'd', value: 4, timestamp: 1 }))),
    await post('runs/log-inputs', {
      run_id: id,
      datasets: [{ dataset: { name: 'n', digest: 'd', source_type: 's', source: '{}' }, tags: [] }],
      models: [{ model_id: 'm-1' }],
    }),
    await post('runs/update', { run_id: id, status: 3, end_time: 9 }),
  ]

  const info = {
    run_id: id,
    run_uuid: id,
    run_name: 'r',
    experiment_id: experiment,
    user_id: '',
    status: 'RUNNING',
    start_time: 5,
    artifact_uri: `mlflow-artifacts:/${experiment}/${id}/artifacts`,
    lifecycle_stage: 'active',
  }
  const ended = { ...info, status: 'FINISHED', end_time: 9 }
  const name = { key: 'mlflow.runName', value: 'r' }
  assert.deepEqual(fresh, { info, data: { tags: [name] }, inputs: {} })
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body]),
    [
      [200, {}],
      [200, {}],
      [200, {}],
      [200, {}],
      [200, { run_info: ended }],
    ],
  )
  const { data, ...rest } = (await get('runs/get', { run_id: id })).body['run'] as { data: Record<string, object[]> }
  assert.deepEqual(rest, {
    info: ended,
    inputs: {
      dataset_inputs: [{ tags: [], dataset: { name: 'n', digest: 'd', source_type: 's', source: '{}' } }],
      model_inputs: [{ model_id: 'm-1' }],
    },
  })
  const byKey = (items: object[] = []): object[] =>
    items.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
  assert.deepEqual(
    [byKey(data['metrics']), data['params'], byKey(data['tags'])],
    [
      [
        { key: 'a', value: 'NaN', timestamp: 7, step: 2 },
        { key: 'b', value: -Number.MAX_VALUE, timestamp: 7, step: 0 },
        { key: 'c', value: 1.5, timestamp: 7, step: -3 },
        { key: 'd', value: 4, timestamp: 1, step: 0 },
      ],
      [{ key: 'p', value: '"é"' }],
      [name, { key: 't', value: '' }],
    ],
  )
})

test('histories come whole, by page, of several runs, and sampled', async t => {
  const { post, get, run } = await openWire(t)
  // In bulk runs come by their ids.
  const [a, b] = [(await run()).run, (await run()).run].toSorted() as [string, string]
  for (const id of [a, b])
    await post('runs/log-batch', {
      run_id: id,
      metrics: [0, 1, 2, 3].map(step => ({ key: 'm', value: step, timestamp: step, step })),
    })
  const steps = (answer: { body: Record<string, unknown> }): unknown =>
    (answer.body['metrics'] as { step: number; run_id?: string }[] | undefined)?.map(({ step, run_id }) =>
      run_id === undefined ? step : `${run_id === a ? 'a' : 'b'}${step}`,
    )

  const first = await get('metrics/get-history', { run_id: a, metric_key: 'm', max_results: '3' })
  const next = { run_id: a, metric_key: 'm', page_token: first.body['next_page_token'] as string }
  const bulk = new URLSearchParams([
    ['run_id', a],
    ['run_id', b],
    ['metric_key', 'm'],
    ['max_results', '6'],
  ])
  const sampled = new URLSearchParams([
    ['run_ids', a],
    ['run_ids', b],
    ['metric_key', 'm'],
    ['max_results', '2'],
  ])

  assert.deepEqual(
    [
      steps(first),
      await get('metrics/get-history', next),
      (await get('metrics/get-history', { run_id: 'f'.repeat(32), metric_key: 'm' })).body,
      steps(await get(`metrics/get-history-bulk?${bulk.toString()}&x=`)),
      steps(await get(`metrics/get-history-bulk-interval?${sampled.toString()}&x=`)),
      (await get('metrics/get-history-bulk-interval', { run_ids: a, metric_key: 'm', start_step: '1' })).status,
    ],
    [
      [0, 1, 2],
      { status: 200, body: { metrics: [{ key: 'm', value: 3, timestamp: 3, step: 3 }] } },
      {},
      ['a0', 'a1', 'a2', 'a3', 'b0', 'b1'],
      ['a0', 'a3', 'b0', 'b3'],
      400,
    ],
  )
})

test('a page token says where another search goes on to nobody: with another filter or order it is refused', async t => {
  const { post, run } = await openWire(t)
  const { experiment } = await run()
  for (let index = 0; index < 3; index++) await post('runs/create', { experiment_id: experiment, start_time: index })
  const runs = { experiment_ids: [experiment], max_results: 1, order_by: ['attributes.start_time DESC'] }
  const experiments = { max_results: 1, order_by: ['name DESC'] }

  const answers = []
  for (const [path, query, others] of [
    ['runs/search', runs, [{ filter: "params.a = '1'" }, { order_by: ['attributes.start_time ASC'] }]],
    ['experiments/search', experiments, [{ filter: "name LIKE 'e%'" }, { order_by: ['name ASC'] }]],
  ] as const) {
    const { body } = await post(path, query)
    for (const other of [{}, { max_results: 2 }, ...others])
      answers.push((await post(path, { ...query, ...other, page_token: body['next_page_token'] })).status)
  }

  assert.deepEqual(answers, [200, 200, 400, 400, 200, 200, 400, 400])
})

test('runs and experiments are searched by page, and an empty answer has no list', async t => {
  const { post, run } = await openWire(t)
  const { experiment, run: id } = await run()
  await post('runs/create', { experiment_id: experiment, start_time: 9, run_name: 'later' })
  await run()

  const first = await post('runs/search', { experiment_ids: [experiment], max_results: 1 })
  const second = await post('runs/search', {
    experiment_ids: [experiment],
    max_results: 1,
    page_token: first.body['next_page_token'],
  })
  const names = (answer: { body: Record<string, unknown> }): unknown =>
    (answer.body['runs'] as { info: { run_name: string } }[]).map(({ info }) => info.run_name)
  await post('runs/delete', { run_id: id })

  assert.deepEqual(
    [
      names(first),
      names(second),
      'next_page_token' in second.body,
      (await post('runs/search', { experiment_ids: [] })).body,
      names(await post('runs/search', { experiment_ids: [experiment], run_view_type: 2 })),
      (await post('experiments/search', { max_results: 2, filter: "name LIKE 'e%'", order_by: ['name DESC'] })).body[
        'experiments'
      ],
    ].map(value => JSON.parse(JSON.stringify(value, (key, inner) => (key === 'experiments' ? undefined : inner)))),
    [
      ['later'],
      ['r'],
      false,
      {},
      ['r'],
      ['2', '1'].map(number => ({
        experiment_id: number,
        name: `e${number}`,
        artifact_location: `mlflow-artifacts:/${number}`,
        lifecycle_stage: 'active',
        last_update_time: now,
        creation_time: now,
      })),
    ],
  )
})

test('the model of a client before 3.0 is added to the list in the run’s tag', async t => {
  const { post, get, run } = await openWire(t)
  const { run: id } = await run()
  const model = { artifact_path: 'model', flavors: {}, utc_time_created: 'x', run_id: id }

  const answers = [
    await post('runs/log-model', { run_id: id, model_json: JSON.stringify(model) }),
    await post('runs/log-model', { run_id: id, model_json: JSON.stringify({ ...model, artifact_path: 'two' }) }),
    await post('runs/log-model', { run_id: id, model_json: '{}' }),
    await post('runs/log-model', { run_id: id, model_json: 'no' }),
  ]

  const { data } = (await get('runs/get', { run_id: id })).body['run'] as {
    data: { tags: { key: string; value: string }[] }
  }
  const history = data.tags.find(({ key }) => key === 'mlflow.log-model.history')
  assert.deepEqual(
    [answers.map(({ status }) => status), JSON.parse(history!.value)],
    [
      [200, 200, 400, 400],
      [model, { ...model, artifact_path: 'two' }],
    ],
  )
})

test('steps of 64 bits come back to the last digit, however they were written', async t => {
  const { post, get, run } = await openWire(t)
  const { run: id } = await run()
  const metric = (step: string): string => `{"key": "m", "value": 1, "timestamp": 5, "step": ${step}}`

  await post('runs/log-batch', `{"run_id": "${id}", "metrics": [${metric('9007199254740993')}, ${metric('3')}]}`)
  await post('runs/log-metric', JSON.stringify(`{"run_id": "${id}", ${metric('-9223372036854775808').slice(1)}`))
  await post('runs/log-metric', { run_id: id, key: 'm', value: 1, timestamp: 5, step: '9007199254740994' })
  const refused = await post('runs/log-metric', `{"run_id": "${id}", ${metric('9223372036854775808').slice(1)}`)

  const { body } = await get('metrics/get-history', { run_id: id, metric_key: 'm' })
  const range = { start_step: '9007199254740993', end_step: '9007199254740993' }
  const sampled = await get('metrics/get-history-bulk-interval', { run_ids: id, metric_key: 'm', ...range })
  const stepsOf = ({ metrics }: Record<string, unknown>): unknown =>
    (metrics as readonly { step: unknown }[]).map(({ step }) => step)
  assert.deepEqual(stepsOf(body), ['-9223372036854775808', 3, '9007199254740993', '9007199254740994'])
  assert.deepEqual(stepsOf(sampled.body), ['9007199254740993'])
  assert.deepEqual([refused.status, refused.body['error_code']], [400, 'INVALID_PARAMETER_VALUE'])
  assert.match(String(refused.body['message']), /'step' supplied: a whole number of 64 bits/)
})

test('what no level of the protocol has here is told by the code on which newer clients go on without it', async t => {
  const { get } = await openWire(t)
  const paths = [
    'nothing',
    '../../3.0/mlflow/issues',
    '../../4.1/mlflow/nothing',
    'experiments/get/',
    '../../../graphql',
  ]
  for (const path of paths) {
    const { status, body } = await get(path)
    assert.deepEqual([status, body['error_code']], [404, 'ENDPOINT_NOT_FOUND'], path)
  }
})
