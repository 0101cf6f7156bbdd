import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEngines } from '#storage/testing.ts'
import { testRegistry } from './registry-testing.ts'

for (const engine of testEngines()) {
  const open = (t: Parameters<typeof testRegistry>[0]) => testRegistry(t, engine)
  const named = (text: string): string => `${engine.name}: ${text}`
  const source = 's3://bucket/model'

  test(named('a model and its versions are answered as by an MLflow server'), async t => {
    const { call, clock } = await open(t)

    const made = await call('POST registered-models/create', {
      name: 'iris',
      description: 'Flowers.',
      tags: [{ key: 'größe', value: 'ü' }],
    })
    clock.advance(1_000)
    const version = await call('POST model-versions/create', { name: 'iris', source, run_id: 'r1', run_link: 'l' })
    await call('POST registered-models/alias', { name: 'iris', alias: 'best', version: '1' })

    const model = {
      name: 'iris',
      creation_timestamp: 1_000,
      last_updated_timestamp: 1_000,
      description: 'Flowers.',
      tags: [{ key: 'größe', value: 'ü' }],
    }
    const first = {
      name: 'iris',
      version: '1',
      creation_timestamp: 2_000,
      last_updated_timestamp: 2_000,
      current_stage: 'None',
      description: '',
      source,
      run_id: 'r1',
      status: 'READY',
      run_link: 'l',
    }
    assert.deepEqual([made, version], [{ registered_model: model }, { model_version: first }])
    assert.deepEqual(await call('GET registered-models/get', { name: 'iris' }), {
      registered_model: {
        ...model,
        last_updated_timestamp: 2_000,
        latest_versions: [first],
        aliases: [{ alias: 'best', version: '1' }],
      },
    })
    assert.deepEqual(await call('GET registered-models/alias', { name: 'iris', alias: 'best' }), {
      model_version: { ...first, aliases: ['best'] },
    })
    assert.deepEqual(await call('POST registered-models/get-latest-versions', { name: 'iris', stages: ['none'] }), {
      model_versions: [{ ...first, aliases: ['best'] }],
    })
    assert.deepEqual(await call('GET model-versions/get-download-uri', { name: 'iris', version: '1' }), {
      artifact_uri: source,
    })
  })

  test(named('what is not there, is there already or has no valid name is said in the words of MLflow'), async t => {
    const { call } = await open(t)
    await call('POST registered-models/create', { name: 'iris' })
    await call('POST model-versions/create', { name: 'iris', source })

    const answers = [
      await call('POST registered-models/create', { name: 'iris' }),
      await call('POST registered-models/create', { name: '' }),
      await call('POST registered-models/create', { name: 'a/b' }),
      await call('GET registered-models/get', { name: 'rose' }),
      await call('GET model-versions/get', { name: 'iris', version: '9' }),
      await call('GET model-versions/get', { name: 'rose', version: '1' }),
      await call('GET registered-models/alias', { name: 'iris', alias: 'best' }),
      await call('POST registered-models/alias', { name: 'iris', alias: 'Latest', version: '1' }),
      await call('POST registered-models/alias', { name: 'iris', alias: 'v1', version: '1' }),
      await call('POST model-versions/transition-stage', { name: 'iris', version: '1', stage: 'x' }),
      await call('POST registered-models/set-tag', { name: 'iris', key: '../x', value: '' }),
      await call('GET model-versions/get', { name: 'iris', version: 'one' }),
    ]

    assert.deepEqual(
      answers.map(answer => String(answer).slice(0, 90)),
      [
        '400 RESOURCE_ALREADY_EXISTS: Registered Model (name=iris) already exists.',
        "400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'name'.",
        "400 INVALID_PARAMETER_VALUE: Invalid model name 'a/b'. Names cannot contain '/' or ':'.",
        '404 RESOURCE_DOES_NOT_EXIST: Registered Model with name=rose not found',
        '404 RESOURCE_DOES_NOT_EXIST: Model Version (name=iris, version=9) not found',
        '404 RESOURCE_DOES_NOT_EXIST: Registered Model with name=rose not found',
        '400 INVALID_PARAMETER_VALUE: Registered model alias best not found.',
        "400 INVALID_PARAMETER_VALUE: 'latest' alias name (case insensitive) is reserved.",
        "400 INVALID_PARAMETER_VALUE: Version alias name 'v1' is reserved.",
        `400 INVALID_PARAMETER_VALUE: Invalid value "x" for parameter 'stage' supplied: Invalid Model Version stage: x.`.slice(
          0,
          90,
        ),
        `400 INVALID_PARAMETER_VALUE: Invalid value "../x" for parameter 'key' supplied: letters, digits`.slice(0, 90),
        `400 INVALID_PARAMETER_VALUE: Invalid value "one" for parameter 'version' supplied: a whole number`.slice(
          0,
          90,
        ),
      ],
    )
  })

  test(
    named('without a gate versions go to any stage, several to one, and others are archived only when asked'),
    async t => {
      const { call } = await open(t)
      await call('POST registered-models/create', { name: 'iris' })
      for (let i = 0; i < 3; i++) await call('POST model-versions/create', { name: 'iris', source })
      const to = async (version: string, stage: string, more: object = {}) =>
        (await call('POST model-versions/transition-stage', { name: 'iris', version, stage, ...more })).model_version
      const stages = async () =>
        (
          await call('GET model-versions/search', { filter: "name = 'iris'", order_by: ['version_number'] })
        ).model_versions.map(({ current_stage }: { current_stage: string }) => current_stage)

      await to('1', 'production')
      await to('2', 'Production')
      const both = await stages()
      await to('3', 'PRODUCTION', { archive_existing_versions: true })
      const one = await stages()
      await to('3', 'Production')
      await to('3', 'None')

      assert.deepEqual(
        [both, one, await stages()],
        [
          ['Production', 'Production', 'None'],
          ['Archived', 'Archived', 'Production'],
          ['Archived', 'Archived', 'None'],
        ],
      )
      assert.match(
        await call('POST model-versions/transition-stage', {
          name: 'iris',
          version: '1',
          stage: 'Archived',
          archive_existing_versions: true,
        }),
        /^400 INVALID_PARAMETER_VALUE/,
      )
    },
  )

  test(named('a deleted version is gone with its aliases, and its number is not given out again'), async t => {
    const { call } = await open(t)
    await call('POST registered-models/create', { name: 'iris' })
    for (let i = 0; i < 2; i++) await call('POST model-versions/create', { name: 'iris', source })
    await call('POST registered-models/alias', { name: 'iris', alias: 'best', version: '2' })

    await call('DELETE model-versions/delete', { name: 'iris', version: '2' })

    const { model_version } = await call('POST model-versions/create', { name: 'iris', source })
    const { registered_model } = await call('GET registered-models/get', { name: 'iris' })
    assert.deepEqual([model_version.version, registered_model.aliases], ['3', undefined])
    assert.match(await call('GET model-versions/get', { name: 'iris', version: '2' }), /^404/)
    assert.match(await call('DELETE model-versions/delete', { name: 'iris', version: '2' }), /^404/)
  })

  test(named('a model is renamed with all it has; a deleted one leaves its name and starts again at one'), async t => {
    const { call } = await open(t)
    for (const name of ['iris', 'rose']) await call('POST registered-models/create', { name })
    await call('POST model-versions/create', { name: 'iris', source })
    await call('POST registered-models/alias', { name: 'iris', alias: 'best', version: '1' })

    assert.match(
      await call('POST registered-models/rename', { name: 'iris', new_name: 'rose' }),
      /RESOURCE_ALREADY_EXISTS/,
    )
    await call('POST registered-models/rename', { name: 'iris', new_name: 'lily' })
    const { model_version } = await call('GET registered-models/alias', { name: 'lily', alias: 'best' })
    await call('DELETE registered-models/delete', { name: 'lily' })
    await call('POST registered-models/create', { name: 'lily' })
    const again = await call('POST model-versions/create', { name: 'lily', source })

    assert.deepEqual([model_version.name, again.model_version.version], ['lily', '1'])
    assert.deepEqual((await call('GET model-versions/search')).model_versions.length, 1)
    assert.match(await call('GET registered-models/get', { name: 'iris' }), /^404/)
  })

  test(named('who works in a project finds its models by the names that they are shown'), async t => {
    const { app, call } = await open(t)
    for (const name of ['leaf', 'rain.leaf', 'rain.stem']) await call('POST registered-models/create', { name })
    await call('POST model-versions/create', { name: 'rain.leaf', source })
    const find = async (what: 'registered-models' | 'model-versions', filter: string): Promise<string[]> => {
      const query = new URLSearchParams({ filter }).toString()
      const reply = await app.inject({
        url: `/api/2.0/mlflow/${what}/search?${query}`,
        headers: { 'x-mlflow-workspace': 'rain' },
      })
      const { registered_models, model_versions } = reply.json()
      return (registered_models ?? model_versions ?? []).map(({ name }: { name: string }) => name)
    }

    assert.deepEqual(
      {
        version: await find('model-versions', "name = 'leaf'"),
        full: await find('model-versions', "name = 'rain.leaf'"),
        other: await find('registered-models', "name != 'leaf' AND name LIKE '%e%'"),
        some: await find('registered-models', "name LIKE 'st%'"),
      },
      { version: ['leaf'], full: ['leaf'], other: ['stem'], some: ['stem'] },
    )
  })

  test(named('searches find by every key, page without gaps, and leave prompts out'), async t => {
    const { call, clock } = await open(t)
    for (const [i, name] of ['m0', 'm1', 'm2', 'm3'].entries()) {
      clock.advance(10)
      await call('POST registered-models/create', { name, tags: [{ key: 'colour', value: i % 2 ? 'blue' : 'red' }] })
    }
    await call('POST registered-models/create', {
      name: 'p',
      tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
    })
    await call('POST model-versions/create', { name: 'p', source: 'dummy-source' })
    for (let i = 0; i < 3; i++)
      await call('POST model-versions/create', {
        name: 'm1',
        source,
        run_id: 'r1',
        tags: [{ key: 't', value: String(i % 2) }],
      })
    await call('POST model-versions/create', { name: 'm2', source: 's3://other' })
    const models = async (filter: string, more: object = {}) =>
      (await call('GET registered-models/search', { filter, ...more })).registered_models?.map(
        ({ name }: { name: string }) => name,
      )
    const versions = async (filter: string, more: object = {}) =>
      (await call('GET model-versions/search', { filter, ...more })).model_versions?.map(
        ({ name, version }: { name: string; version: string }) => `${name}/${version}`,
      )

    assert.deepEqual(
      [
        await models(''),
        await models("name LIKE 'm%' AND tags.colour = 'red'"),
        await models("tag.`mlflow.prompt.is_prompt` != 'true' AND name != 'm0'"),
        await models("tags.`mlflow.prompt.is_prompt` = 'true'"),
        await models('', { order_by: ['timestamp DESC'] }),
        await models("name = 'm1' OR name IN ('m3')"),
        await models('tags.colour IS NULL'),
      ],
      [
        ['m0', 'm1', 'm2', 'm3'],
        ['m0', 'm2'],
        ['m1', 'm2', 'm3'],
        ['p'],
        ['m1', 'm2', 'm3', 'm0'].toSorted((a, b) => (a === 'm0' ? 1 : b === 'm0' ? -1 : a < b ? -1 : 1)),
        ['m1', 'm3'],
        undefined,
      ],
    )
    assert.deepEqual(
      [
        await versions("name='m1' AND version_number > 1"),
        await versions("run_id IN ('r1') AND version_number <= '2'"),
        await versions("source_path LIKE '%other'"),
        await versions("name = 'm1' AND tags.t != '1'", { order_by: ['version_number ASC'] }),
        await versions(''),
        await versions("tags.`mlflow.prompt.is_prompt` = 'true'"),
      ],
      [['m1/3', 'm1/2'], ['m1/2', 'm1/1'], ['m2/1'], ['m1/1', 'm1/3'], ['m1/3', 'm1/2', 'm1/1', 'm2/1'], ['p/1']],
    )
    const pages: string[][] = []
    for (let page_token = ''; ;) {
      const answer = await call('GET model-versions/search', { max_results: 3, page_token })
      pages.push(
        answer.model_versions.map(({ name, version }: { name: string; version: string }) => `${name}/${version}`),
      )
      if (!answer.next_page_token) break
      page_token = answer.next_page_token
    }
    assert.deepEqual(pages, [['m1/3', 'm1/2', 'm1/1'], ['m2/1']])
    const first = await call('GET registered-models/search', { max_results: 1 })
    const all = await call('GET model-versions/search', { max_results: 4 })
    assert.deepEqual([all.model_versions.length, all.next_page_token], [4, undefined])
    for (const [query, why] of [
      [{ max_results: 1001 }, /^400 INVALID_PARAMETER_VALUE: Invalid value 1001 for parameter 'max_results' supplied/],
      [{ max_results: 0 }, /^400/],
      [{ order_by: ['name', 'name DESC'] }, /^400/],
      [{ page_token: 'nonsense' }, /^400/],
      [{ page_token: first.next_page_token, order_by: ['name DESC'] }, /^400 .*of another search/],
      [{ page_token: first.next_page_token, filter: "name != 'x'" }, /^400 .*of another search/],
      [{ filter: "colour = 'x'" }, /^400/],
    ] as const)
      assert.match(await call('GET registered-models/search', query), why)
  })
}
