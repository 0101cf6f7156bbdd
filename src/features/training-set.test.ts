import { test } from 'node:test'
import { at, joinRain, openBed, refusal, rules, shop, type TestBed } from './testing.ts'

const days = `city,day,rain
Paris,2015-03-01,0.1
Paris,2015-03-02,0
Paris,2015-03-03,0.30000000000000004
Paris,2015-03-04,
Paris,2015-03-20,5
`
const declare = (bed: TestBed, more: object = {}, files: Record<string, string> = {}) =>
  bed.declare({ ...shop, ...more }, { 'days.csv': days, ...rules, ...files })

test('a training set has each label with the features of the evening before, and none from later', async t => {
  const bed = await openBed(t)
  await declare(bed)

  const { outputs, metrics } = await joinRain(bed)

  const set = await bed.features.trainingSet(outputs['rows']!.ref!)
  t.assert.deepEqual(await bed.rows(outputs['rows']), [
    { city: 'Paris', event_time: at('2015-03-01T18:00Z'), rain: 0.1, rain_2d: 0.1, wet: true, label: 0 },
    { city: 'Paris', event_time: at('2015-03-02T18:00Z'), rain: 0, rain_2d: 0.1, wet: false, label: 1 },
  ])
  t.assert.deepEqual(
    metrics,
    { rows: 2, unlabelled: 1, featureless: 2 },
    '28 February knows nothing, 19 March nothing fresh',
  )
  t.assert.deepEqual(
    [set.service, set.label, set.features, set.rows],
    ['rain', 'tomorrow', ['rain', 'rain_2d', 'wet'], 2],
  )
  t.assert.equal(
    bed.lines.at(-1),
    '2 rows of 3 features. Left out: 1 without a label, 2 without any feature known by then.',
  )
})

test('the same recipe is the same training set, which leads back to all it was made from', async t => {
  const bed = await openBed(t)
  await declare(bed)

  const [first, second] = [await joinRain(bed), await joinRain(bed)]

  const { nodes } = await bed.ledger.ancestors(first.outputs['rows']!.ref!)
  t.assert.deepEqual(second.outputs, first.outputs)
  t.assert.deepEqual(nodes.map(node => node.kind).toSorted(), [
    'dataset_version',
    'feature_version',
    'raw_data',
    'rules',
    'rules',
    'rules',
    'training_set',
  ])
})

test('a label that is late, in another kind or asked twice is refused with its file', async t => {
  const bed = await openBed(t)
  const refusalOf = async (sql: string) => {
    await declare(bed, {}, { 'label.sql': sql })
    return (await refusal(joinRain(bed)))[1].split('\n').at(-1)
  }
  const select = (label: string, rest = 'from source') =>
    `select city, day as event_time, ${label} as label, day as known_at ${rest}`

  t.assert.equal(
    await refusalOf('select city, day as event_time, rain as label from source'),
    '  known_at: a column known_at; it answers city, event_time, label',
  )
  t.assert.equal(
    await refusalOf(select('rain')),
    '  label: 0 or 1, or NULL when it is not known; 3 rows have others, such as 0.1',
  )
  t.assert.equal(await refusalOf(select(`'yes'`)), '  label: a number or boolean, not string')
  t.assert.equal(
    await refusalOf(`${select('1')} union all (${select('0', 'from source limit 1')})`),
    '  key, event_time: one row for a key and an event time; 1 rows repeat one',
  )
  t.assert.equal(
    await refusalOf(select('1').replace('select city', 'select null as city')),
    '  key, event_time: a value in every row; 5 rows have none',
  )
  t.assert.equal(
    await refusalOf(select('null::integer')),
    '  *: at least one row with a label and with features known by then',
  )
  await declare(bed, {}, { 'label.sql': 'select * from nowhere' })
  t.assert.match(
    (await refusal(joinRain(bed)))[1],
    /^label\.sql, line 1: Catalog Error: Table with name nowhere does not exist!/,
  )
})

test('a regression learns any finite number', async t => {
  const bed = await openBed(t)
  const objective = {
    goal: 'g',
    kpi: 'k',
    task: 'regression' as const,
    target: 'rain',
    metric: 'rmse' as const,
    threshold: 1,
    owners: {},
  }
  await declare(
    bed,
    { objective },
    { 'label.sql': `select city, day + time '18:00' as event_time, rain as label, day as known_at from source` },
  )

  const { outputs } = await joinRain(bed)

  t.assert.deepEqual(
    (await bed.rows(outputs['rows'])).map(row => row['label']),
    [0.1, 0, 0.30000000000000004, 5],
  )
})

test('a service that needs a view which the task was not given says so', async t => {
  const bed = await openBed(t)
  await declare(bed)
  const dataset = await bed.dataset('days')

  const [code, message] = await refusal(
    bed.call('features.training-set', { params: { service: 'rain', label: 'tomorrow' }, inputs: { dataset } }),
  )

  t.assert.deepEqual(
    [code, message],
    [
      'invalid',
      'Service rain needs features that the task was not given.\n  inputs = "none": a feature version of daily',
    ],
  )
})
