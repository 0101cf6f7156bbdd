import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testTraces } from './trace-testing.ts'

const base = '3.0/mlflow/datasets'

test('a dataset is made, tagged, tied to experiments, searched and deleted', async t => {
  const { call, clock } = await testTraces(t)
  const made = await call('POST', `${base}/create`, {
    name: 'cases',
    experiment_ids: ['1'],
    tags: '{"team": "x", "n": 1, "mlflow.user": "me", "none": null}',
  })
  const { dataset_id, digest } = made.body.dataset
  const one = `${base}/${dataset_id}`
  clock.advance(5)
  const tagged = await call('PATCH', `${one}/tags`, { tags: '{"team": null, "new": "v"}' })
  await call('DELETE', `${one}/tags/n`)
  const added = await call('POST', `${one}/add-experiments`, { experiment_ids: ['2', '2'] })
  const unknown = await call('POST', `${one}/add-experiments`, { experiment_ids: ['9'] })
  const removed = await call('POST', `${one}/remove-experiments`, { experiment_ids: ['1', '9'] })

  assert.match(dataset_id, /^d-[0-9a-f]{32}$/)
  assert.match(digest, /^[0-9a-f]{8}$/)
  assert.deepEqual(made.body.dataset, {
    dataset_id,
    name: 'cases',
    tags: '{"mlflow.user":"me","n":"1","team":"x"}',
    digest,
    created_time: clock.now() - 5,
    last_update_time: clock.now() - 5,
    created_by: 'me',
    last_updated_by: 'me',
    experiment_ids: ['1'],
  })
  assert.equal(tagged.body.dataset.tags, '{"mlflow.user":"me","n":"1","new":"v","team":"x"}')
  assert.deepEqual(
    [added.body.dataset.experiment_ids, unknown.status, removed.body.dataset.experiment_ids],
    [['1', '2'], 404, ['2']],
  )
  assert.deepEqual((await call('GET', `${one}/experiment-ids`)).body, { experiment_ids: ['2'] })
  const search = async (body: object) => (await call('POST', `${base}/search`, body)).body.datasets?.length
  assert.deepEqual(
    [
      await search({ experiment_ids: ['2'] }),
      await search({ experiment_ids: ['1'] }),
      await search({ filter_string: "name LIKE 'c%' AND tags.new = 'v'" }),
    ],
    [1, 0, 1],
  )
  assert.equal((await call('GET', `${base}/search`, { filter_string: 'bogus = 1' })).status, 400)
  assert.deepEqual(await call('DELETE', one), { status: 200, body: {} })
  assert.deepEqual(await call('DELETE', one), { status: 200, body: {} })
  assert.equal((await call('GET', one)).status, 404)
})

test('records with the same inputs are one, whatever the order of their keys; schema, profile and digest follow', async t => {
  const { call, clock } = await testTraces(t)
  const { dataset_id, digest } = (await call('POST', `${base}/create`, { name: 'cases', experiment_ids: ['1'] })).body
    .dataset
  const one = `${base}/${dataset_id}`
  const upsert = (records: unknown) => call('POST', `${one}/records`, { records: JSON.stringify(records) })

  const first = await upsert([
    { inputs: { q: 'a', k: { x: [1] } }, expectations: { e: 1 }, tags: { 'mlflow.user': 'me' } },
    { inputs: { q: 'b' }, outputs: 2.5, source: { source_type: 'TRACE', source_data: { trace_id: 'tr-1' } } },
    { inputs: { k: { x: [1] }, q: 'a' }, expectations: { f: true }, outputs: { o: null } },
  ])
  clock.advance(1)
  const second = await upsert([{ inputs: { q: 'b' }, outputs: 'new' }])

  assert.deepEqual(
    [first.body, second.body],
    [
      { inserted_count: 2, updated_count: 1 },
      { inserted_count: 0, updated_count: 1 },
    ],
  )
  const { dataset } = (await call('GET', one)).body
  assert.deepEqual(JSON.parse(dataset.schema), {
    inputs: { q: 'string', k: 'object' },
    outputs: { o: 'null' },
    expectations: { e: 'integer', f: 'boolean' },
    version: '1.0',
  })
  assert.deepEqual([dataset.profile, dataset.digest === digest], ['{"num_records":2}', false])
  const page = await call('GET', `${one}/records`, { max_results: 1 })
  const rest = await call('GET', `${one}/records`, { max_results: 1, page_token: page.body.next_page_token })
  const records = [page, rest].flatMap(({ body }) => JSON.parse(body.records) as Record<string, unknown>[])
  const byQuestion = Object.fromEntries(records.map(record => [(record['inputs'] as { q: string }).q, record]))
  const { dataset_record_id: _, ...a } = byQuestion['a']!
  const { dataset_record_id: b, source_id, source_type, outputs, last_update_time } = byQuestion['b']!
  assert.deepEqual(a, {
    dataset_id,
    inputs: { q: 'a', k: { x: [1] } },
    outputs: { o: null },
    expectations: { e: 1, f: true },
    tags: { 'mlflow.user': 'me' },
    created_time: clock.now() - 1,
    last_update_time: clock.now() - 1,
    created_by: 'me',
    last_updated_by: 'me',
  })
  assert.deepEqual([source_id, source_type, outputs, last_update_time], ['tr-1', 'TRACE', 'new', clock.now()])
  assert.deepEqual((await call('DELETE', `${one}/records`, { dataset_record_ids: [b, 'dr-0'] })).body, {
    deleted_count: 1,
  })
  assert.equal(rest.body.next_page_token, undefined)
  const deep = '['.repeat(50_000) + ']'.repeat(50_000)
  for (const records of ['no json', '{}', '[{"inputs": 1}]', '[{}]', `[{"inputs":{"a":${deep}}}]`])
    assert.equal((await call('POST', `${one}/records`, { records })).status, 400, records.slice(0, 40))
})

test('scorers are numbered, listed with their newest version, read and deleted', async t => {
  const { call } = await testTraces(t)
  const scorers = '3.0/mlflow/scorers'
  const register = (name: string, v: number) =>
    call('POST', `${scorers}/register`, { experiment_id: '1', name, serialized_scorer: JSON.stringify({ v }) })

  const first = (await register('polite', 1)).body
  const second = (await register('polite', 2)).body
  await register('brief', 1)

  assert.deepEqual([first.version, second.version, first.scorer_id === second.scorer_id], [1, 2, true])
  const scorer = (version: number) => ({
    experiment_id: 1,
    scorer_name: 'polite',
    scorer_version: version,
    serialized_scorer: `{"v":${version}}`,
    creation_time: first.creation_time,
    scorer_id: first.scorer_id,
  })
  const ask = async (what: string, more: object) =>
    (await call('GET', `${scorers}/${what}`, { experiment_id: '1', ...more })).body
  const names = async () =>
    (await ask('list', {})).scorers.map(
      (each: { scorer_name: string; scorer_version: number }) => `${each.scorer_name} ${each.scorer_version}`,
    )
  assert.deepEqual(await names(), ['brief 1', 'polite 2'])
  assert.deepEqual(await ask('versions', { name: 'polite' }), { scorers: [scorer(1), scorer(2)] })
  assert.deepEqual(await ask('get', { name: 'polite' }), { scorer: scorer(2) })
  assert.deepEqual(await ask('get', { name: 'polite', version: 1 }), { scorer: scorer(1) })
  assert.equal((await ask('get', { name: 'polite', version: 9 })).error_code, 'RESOURCE_DOES_NOT_EXIST')
  const remove = (body: object) => call('DELETE', `${scorers}/delete`, { experiment_id: '1', ...body })
  assert.equal((await remove({ name: 'polite', version: 2 })).status, 200)
  assert.deepEqual(await names(), ['brief 1', 'polite 1'])
  assert.deepEqual([(await remove({ name: 'brief' })).status, (await remove({ name: 'brief' })).status], [200, 404])
  for (const wrong of [{ name: '' }, { name: 'x', serialized_scorer: 'no json' }])
    assert.equal(
      (await call('POST', `${scorers}/register`, { experiment_id: '1', serialized_scorer: '1', ...wrong })).status,
      400,
    )
})
