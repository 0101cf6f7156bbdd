import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'

const problemsOf = (json: unknown): readonly Problem[] => {
  try {
    parseProjectFile(json)
  } catch (error) {
    if (error instanceof TrainyardError && error.code === 'invalid')
      return error.detail['problems'] as readonly Problem[]
    throw error
  }
  return []
}

/** The example with one thing changed, named by its path. */
function rainWith(path: string, value: unknown): unknown {
  const json = structuredClone(rain()) as unknown as Record<string, unknown>
  const keys = path.split('.')
  let parent = json
  for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string, unknown>
  parent[keys.at(-1)!] = value
  return json
}

test('every default is filled in, the outputs of platform tasks among them, and parsing the answer changes nothing', () => {
  const file = parseProjectFile(rain())

  assert.deepEqual(file.pipelines['training']!.tasks['split'], {
    uses: 'features.split',
    inputs: { rows: 'rows.rows' },
    outputs: ['train', 'test'],
    params: { testDays: 90 },
    after: [],
    retries: 0,
  })
  assert.deepEqual(file.deployments['rain']!.canary, {
    steps: [1, 5, 10, 25, 50],
    dwell: '10m',
    requestsMin: 1_000,
    maxDuration: '24h',
    undecided: 'promote_if_no_reject',
    slow: '100ms',
  })
  assert.deepEqual(parseProjectFile(file), file)
})

test('every wrong field is named with its value and what is allowed', () => {
  const json = {
    ...rain(),
    objectiv: 1,
    sources: { w: { type: 'cvs' }, s: { type: 'csv', kye: ['a'], columns: { 'wind speed': 'text' } } },
    tests: '',
    deployments: { d: { model: 'rain', canary: { weight: 'ten' } } },
  }

  assert.deepEqual(problemsOf(json), [
    { field: 'sources.w.type', value: 'cvs', allowed: 'one of csv, parquet, sql; did you mean csv?' },
    {
      field: 'sources.s.columns["wind speed"]',
      value: 'text',
      allowed: 'one of boolean, integer, number, string, date, timestamp',
    },
    { field: 'sources.s.kye', allowed: 'no such field; did you mean key?' },
    { field: 'deployments.d.canary.weight', value: 'ten', allowed: 'a number' },
    { field: 'tests', value: '', allowed: 'not empty' },
    { field: 'objectiv', allowed: 'no such field; did you mean objective?' },
  ])
})

test('a file that is no object, or lacks its name, is refused', () => {
  assert.deepEqual(problemsOf(null), [{ field: 'the project file', value: null, allowed: 'an object' }])
  assert.deepEqual(problemsOf(rainWith('name', undefined)), [{ field: 'name', allowed: 'required: a text' }])
})

const wrong: [path: string, value: unknown, problem: Problem][] = [
  [
    'objective.metric',
    'rmse',
    {
      field: 'objective.metric',
      value: 'rmse',
      allowed: 'a metric of binary_classification: brier, log_loss, auc, accuracy, f1',
    },
  ],
  [
    'labels.rain.source',
    'wether',
    { field: 'labels.rain.source', value: 'wether', allowed: 'one of weather; did you mean weather?' },
  ],
  [
    'labels.rain.source',
    'constructor',
    { field: 'labels.rain.source', value: 'constructor', allowed: 'one of weather' },
  ],
  ['entities', {}, { field: 'features.daily.entity', value: 'city', allowed: 'nothing: none is declared' }],
  [
    'services.rain.features',
    ['dayly:wind'],
    { field: 'services.rain.features[0]', value: 'dayly', allowed: 'one of daily; did you mean daily?' },
  ],
  ['models.rain.pipeline', 'train', { field: 'models.rain.pipeline', value: 'train', allowed: 'one of training' }],
  [
    'models.rain.gate.metric',
    'mae',
    {
      field: 'models.rain.gate.metric',
      value: 'mae',
      allowed: 'a metric of binary_classification: brier, log_loss, auc, accuracy, f1',
    },
  ],
  ['deployments.rain.model', 'snow', { field: 'deployments.rain.model', value: 'snow', allowed: 'one of rain' }],
  [
    'monitors',
    { m: { deployment: 'rian' } },
    { field: 'monitors.m.deployment', value: 'rian', allowed: 'one of rain; did you mean rain?' },
  ],
  [
    'pipelines.training.triggers',
    [{ on: 'data', source: 'x' }],
    { field: 'pipelines.training.triggers[0].source', value: 'x', allowed: 'one of weather' },
  ],
  [
    'pipelines.training.triggers',
    [{ on: 'schedule', cron: '0 6 * * *', timeZone: 'Mars' }],
    {
      field: 'pipelines.training.triggers[0].timeZone',
      value: 'Mars',
      allowed: 'an IANA time zone such as UTC or Europe/Berlin',
    },
  ],
  [
    'pipelines.training.tasks.ingest.params',
    {},
    { field: 'pipelines.training.tasks.ingest.params.source', value: undefined, allowed: 'required: one of weather' },
  ],
  [
    'pipelines.training.tasks.ingest.params',
    { source: 'weather', soruce: 1 },
    {
      field: 'pipelines.training.tasks.ingest.params.soruce',
      value: 1,
      allowed: 'a parameter of data.ingest; did you mean source?',
    },
  ],
  [
    'pipelines.training.tasks.split.params',
    { format: 'csv' },
    {
      field: 'pipelines.training.tasks.split.params',
      value: { format: 'csv' },
      allowed: 'testDays or testShare for features.split',
    },
  ],
  [
    'pipelines.training.tasks.split.params',
    { testDays: '90' },
    { field: 'pipelines.training.tasks.split.params.testDays', value: '90', allowed: 'a number' },
  ],
  [
    'pipelines.training.tasks.evaluate.inputs',
    { model: 'train.model' },
    {
      field: 'pipelines.training.tasks.evaluate.inputs.test',
      value: undefined,
      allowed: 'required by registry.evaluate: task.output',
    },
  ],
  [
    'pipelines.training.tasks.train.inputs',
    { train: 'split.trian' },
    {
      field: 'pipelines.training.tasks.train.inputs.train',
      value: 'split.trian',
      allowed: 'an output of split: one of train, test; did you mean train?',
    },
  ],
  [
    'pipelines.training.tasks.train.after',
    ['ingets'],
    {
      field: 'pipelines.training.tasks.train.after[0]',
      value: 'ingets',
      allowed: 'one of ingest, features, rows, split, train, evaluate; did you mean ingest?',
    },
  ],
  [
    'pipelines.training.tasks.ingest.after',
    ['train'],
    {
      field: 'pipelines.training.tasks',
      value: 'ingest -> train -> split -> rows -> features -> ingest',
      allowed: 'no cycle: a task cannot wait for itself',
    },
  ],
  [
    'pipelines.training.tasks.train.after',
    ['train'],
    { field: 'pipelines.training.tasks', value: 'train -> train', allowed: 'no cycle: a task cannot wait for itself' },
  ],
]

for (const [path, value, problem] of wrong) {
  test(`${path} = ${JSON.stringify(value)} is refused`, () => {
    assert.deepEqual(problemsOf(rainWith(path, value)), [problem])
  })
}

test('a cron expression that means nothing is refused', () => {
  const [problem, ...rest] = problemsOf(
    rainWith('pipelines.training.triggers', [{ on: 'schedule', cron: '0 25 * * *' }]),
  )

  assert.match(
    `${problem?.field} ${problem?.allowed} ${rest.length}`,
    /^pipelines\.training\.triggers\[0\]\.cron a cron expression such as 0 6 \* \* \*; .+ 0$/,
  )
})

test('a calendar that means nothing is refused, with what each part may be', () => {
  const problem = (rest: object): string =>
    problemsOf(rainWith('pipelines.training.triggers', [{ on: 'calendar', start: '2026-01-30T06:30', ...rest }]))
      .map(
        ({ field, allowed }) =>
          `${field.split('.').at(-1)}: ${allowed.replace(/a recurrence of RFC 5545[^\s]* such as \S+/, 'RFC 5545')}`,
      )
      .join()

  assert.deepEqual(
    {
      empty: problem({}),
      kind: problem({ rule: 'FREQ=HOURLY' }),
      unknown: problem({ rule: 'FREQ=DAILY;FOO=1' }).slice(0, 42),
      range: problem({ rule: 'FREQ=MONTHLY;BYMONTHDAY=1,40' }),
      twice: problem({ rule: 'FREQ=DAILY;COUNT=1;COUNT=2' }),
      both: problem({ rule: 'FREQ=DAILY;COUNT=1;UNTIL=20270101' }),
      lines: problem({ rule: 'FREQ=DAILY\nEXDATE:20260101T000000Z' }),
      never: problem({ rule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' }),
      over: problem({ dates: ['2026-02-01T12:00'], except: ['2026-02-01'] }),
      zone: problem({ rule: 'FREQ=DAILY', timeZone: 'Mars' }),
      good: problem({ rule: 'FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20271231T120000', dates: ['2026-02-01T12:00'] }),
    },
    {
      empty: 'rule: a rule, or `dates` of its own',
      kind: 'rule: FREQ: DAILY, WEEKLY, MONTHLY or YEARLY',
      unknown: 'rule: RFC 5545 of the parts FREQ, INTERVAL',
      range: 'rule: BYMONTHDAY: 1 to 31, or -31 to -1 from the end',
      twice: 'rule: RFC 5545 COUNT once',
      both: 'rule: COUNT or UNTIL, not both',
      lines: 'rule: FREQ: DAILY, WEEKLY, MONTHLY or YEARLY',
      never: 'rule: at least one time since `start`',
      over: 'dates: at least one time since `start`',
      zone: 'timeZone: an IANA time zone such as UTC or Europe/Berlin',
      good: '',
    },
  )
})

test('request views name entities, views and columns as they are declared', () => {
  const trip = { entity: 'city', columns: { mm: 'number' }, features: ['daily:rain'], compute: 'features/trip.sql' }
  const problems = (change: object, name = 'trip', more: object = {}) =>
    problemsOf({
      ...rain(),
      requestFeatures: { [name]: { ...trip, ...change } },
      services: { rain: { features: ['daily', name] } },
      ...more,
    })

  assert.deepEqual(problems({}), [])
  assert.deepEqual(problems({ entity: 'town' }), [
    { field: 'requestFeatures.trip.entity', value: 'town', allowed: 'one of city' },
    {
      field: 'services.rain.features',
      value: ['daily', 'trip'],
      allowed: 'views of one entity; these are of city and town',
    },
  ])
  assert.deepEqual(problems({ features: ['dailly'] }), [
    { field: 'requestFeatures.trip.features[0]', value: 'dailly', allowed: 'one of daily; did you mean daily?' },
  ])
  assert.deepEqual(
    problems({ columns: { city: 'string', label: 'number', 'a b': 'number' } }).map(({ field }) => field),
    ['requestFeatures.trip.columns["a b"]'],
  )
  assert.deepEqual(problems({ columns: { city: 'string', label: 'number' } }), [
    {
      field: 'requestFeatures.trip.columns.city',
      value: 'city',
      allowed: 'another name: event_time, label, known_at, city are there anyway',
    },
    {
      field: 'requestFeatures.trip.columns.label',
      value: 'label',
      allowed: 'another name: event_time, label, known_at, city are there anyway',
    },
  ])
  assert.deepEqual(problems({}, 'daily'), [
    { field: 'requestFeatures.daily', value: 'daily', allowed: 'a name that no feature view has: services name both' },
  ])
  assert.deepEqual(
    problems({ entity: 'town' }, 'trip', { entities: { city: { key: 'city' }, town: { key: 'town' } } }),
    [
      { field: 'requestFeatures.trip.features', value: ['daily:rain'], allowed: 'views of town; these are of city' },
      {
        field: 'services.rain.features',
        value: ['daily', 'trip'],
        allowed: 'views of one entity; these are of city and town',
      },
    ],
  )
})
