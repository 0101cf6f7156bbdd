import { test, type TestContext } from 'node:test'
import { at, openBed, refusal, rules, shop, type TestBed } from './testing.ts'

const days = 'city,day,rain\nParis,2015-03-02,2\nParis,2015-03-01,0.5\nLyon,2015-03-01,0\nLyon,2015-03-02,-9\n'
const compute = async (bed: TestBed) =>
  bed.call('features.compute', { params: { view: 'daily' }, inputs: { dataset: await bed.dataset('days') } })
const declare = (bed: TestBed, more: Partial<typeof rules> & Record<string, string> = {}) =>
  bed.declare(shop, { 'days.csv': days, ...rules, ...more })

test('a view is computed by its rules, in order of event time', async t => {
  const bed = await openBed(t)
  await declare(bed)

  const { outputs, metrics } = await compute(bed)

  const version = await bed.features.version(outputs['features']!.ref!)
  t.assert.deepEqual(await bed.rows(outputs['features']), [
    { city: 'Lyon', event_time: at('2015-03-01T18:00Z'), rain: 0, rain_2d: 0, wet: false },
    { city: 'Paris', event_time: at('2015-03-01T18:00Z'), rain: 0.5, rain_2d: 0.5, wet: true },
    { city: 'Paris', event_time: at('2015-03-02T18:00Z'), rain: 2, rain_2d: 2.5, wet: true },
  ])
  t.assert.deepEqual(version.columns, [
    { name: 'city', type: 'string' },
    { name: 'event_time', type: 'timestamp' },
    { name: 'rain', type: 'number' },
    { name: 'rain_2d', type: 'number' },
    { name: 'wet', type: 'boolean' },
  ])
  t.assert.deepEqual(
    [version.version, version.from, version.to, metrics],
    [1, at('2015-03-01T18:00Z'), at('2015-03-02T18:00Z'), { rows: 3, features: 3 }],
  )
})

test('a version leads back to its rules and to its data', async t => {
  const bed = await openBed(t)
  await declare(bed)
  const { outputs } = await compute(bed)

  const { nodes } = await bed.ledger.ancestors(outputs['features']!.ref!)

  t.assert.deepEqual(nodes.map(node => `${node.kind} ${node.label}`).toSorted(), [
    'dataset_version days 1',
    'feature_version daily 1',
    'raw_data days from days.csv',
    'rules engineer.sql',
    'rules transform.sql',
  ])
})

test('the same rules over the same dataset version are the same version; rules that went back make a new one', async t => {
  const bed = await openBed(t)
  const number = async () => (await compute(bed)).outputs['features']!.value
  await declare(bed)
  const [first, again] = [await number(), await number()]
  await declare(bed, { 'transform.sql': 'select city, day, rain from source where rain > 0' })
  const changed = await number()
  await declare(bed)

  t.assert.deepEqual([first, again, changed, await number()], [1, 1, 2, 3])
})

test('whole numbers stay whole, and an instant between two milliseconds is rounded up', async t => {
  const bed = await openBed(t)
  await declare(bed, {
    'engineer.sql': `select city, timestamp '2015-03-01 12:00:00.000001' as event_time, sum(1) as n, 1.5::decimal(3,1) as x, 'a' as kind from transformed group by city`,
  })

  const { outputs } = await compute(bed)

  t.assert.deepEqual((await bed.rows(outputs['features']))[0], {
    city: 'Lyon',
    event_time: at('2015-03-01T12:00:00.001Z'),
    n: 1,
    x: 1.5,
    kind: 'a',
  })
  t.assert.deepEqual(
    (await bed.features.version(outputs['features']!.ref!)).columns.slice(2).map(column => column.type),
    ['integer', 'number', 'string'],
  )
})

const key = `select city, day as event_time`
const refusals: readonly (readonly [string, Partial<typeof rules>, RegExp])[] = [
  [
    'an unknown column in the transformation',
    { 'transform.sql': 'select city,\n  dya\nfrom source' },
    /^transform\.sql, line 2: Binder Error: Referenced column "dya" not found in FROM clause!/,
  ],
  [
    'a syntax error in the engineering',
    { 'engineer.sql': 'select city\nform transformed x' },
    /^engineer\.sql, line 2: Parser Error: syntax error at or near "transformed"/,
  ],
  [
    'two statements',
    { 'transform.sql': 'select 1; select 2' },
    /^transform\.sql, line 1: Parser Error: syntax error at or near ";"/,
  ],
  [
    'a cast that fails on a row',
    { 'engineer.sql': `${key}, cast(city as integer) as x from transformed` },
    /^engineer\.sql, line 1: Conversion Error: Could not convert string 'Paris' to INT32/,
  ],
  [
    'no key',
    { 'engineer.sql': 'select day as event_time, 1 as x from transformed' },
    /^engineer\.sql does not answer what it should\.\n {2}city: a column city; it answers event_time, x$/,
  ],
  [
    'no event time',
    { 'engineer.sql': 'select city, 1 as x from transformed' },
    /event_time: a column event_time; it answers city, x$/,
  ],
  [
    'an event time that is none',
    { 'engineer.sql': 'select city, rain as event_time, 1 as x from transformed' },
    /event_time: a timestamp or date, not DOUBLE$/,
  ],
  ['no feature', { 'engineer.sql': `${key} from transformed` }, /\*: at least one feature beside city and event_time$/],
  [
    'a feature that is a date',
    { 'engineer.sql': `${key}, day from transformed` },
    /day: a number, boolean or text, not DATE$/,
  ],
  [
    'a feature that is a list',
    { 'engineer.sql': `${key}, [1] as x from transformed` },
    /x: a number, boolean or text, not INTEGER\[\]$/,
  ],
  [
    'a feature without a name',
    { 'engineer.sql': `${key}, rain + 1 from transformed` },
    /\(rain \+ 1\): a name of letters, digits and _: give it one with AS$/,
  ],
  [
    'a feature that is called like the label',
    { 'engineer.sql': `${key}, rain as label from transformed` },
    /label: another name: this one is taken by the label$/,
  ],
  [
    'a row without event time',
    { 'engineer.sql': `select city, nullif(day, date '2015-03-02') as event_time, rain from transformed` },
    /city, event_time: a value in every row; 1 rows have none$/,
  ],
  [
    'a key and time in two rows',
    { 'engineer.sql': `select city, date '2015-03-01' as event_time, rain from transformed` },
    /city, event_time: one row for a key and an event time; 1 rows repeat one, first Paris at 2015-03-01T00:00:00\.000Z$/,
  ],
  [
    'a number that is infinite',
    { 'engineer.sql': `${key}, case when rain > 1 then 'inf'::double else rain end as x from transformed` },
    /x: finite numbers of at most ±9007199254740991 when whole, or NULL; 1 rows have others, first Paris at 2015-03-02T00:00:00\.000Z$/,
  ],
  [
    'a whole number beyond what JSON can say',
    { 'engineer.sql': `${key}, 9007199254740992 as x from transformed` },
    /x: finite numbers .* 3 rows have others, first Lyon at/,
  ],
  ['no rows', { 'transform.sql': 'select * from source where false' }, /^engineer\.sql .*\n {2}\*: at least one row$/],
]

test('what does not fit is refused with the name of its file, and leaves nothing behind', async t => {
  const bed = await openBed(t)
  await declare(bed)
  const dataset = await bed.dataset('days')

  for (const [name, files, message] of refusals) {
    await t.test(name, async (t: TestContext) => {
      await declare(bed, files as Record<string, string>)

      const [code, text] = await refusal(
        bed.call('features.compute', { params: { view: 'daily' }, inputs: { dataset } }),
      )

      t.assert.equal(code, 'invalid')
      t.assert.match(text, message)
      t.assert.deepEqual(await bed.features.versions('rain', 'daily', { limit: 10 }), { items: [] })
    })
  }
})
