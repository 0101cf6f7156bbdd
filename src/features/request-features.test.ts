import { test } from 'node:test'
import type { ProjectFileInput } from '#project'
import { at, joinRain, openBed, refusal, rules, shop, type TestBed } from './testing.ts'

const days = `city,day,rain
Paris,2015-03-01,0.1
Paris,2015-03-02,0
Paris,2015-03-03,0.5
Oslo,2015-03-02,2
`
/** The label's rows bring what a request brings: a price in cents, where it is asked from, and when. */
const label = `select city, day - 1 + time '18:00' as event_time, rain > 0 as label, day as known_at,
  (rain * 100)::integer as cents, case when city = 'Oslo' then null else 'fr' end as country, day + time '02:30:00.1239' as asked_at from source`
type RequestViewInput = NonNullable<ProjectFileInput['requestFeatures']>[string]
const trip = {
  entity: 'city',
  columns: { cents: 'integer', country: 'string', asked_at: 'timestamp' } as const,
  features: ['daily:rain_2d'],
  compute: 'trip.sql',
} satisfies RequestViewInput
const sql = `-- What only the request knows.
select
  cents,
  cents / nullif(rain_2d, 0) as ratio,
  coalesce(country, '?') || '/' || city as place,
  hour(asked_at AT TIME ZONE 'Europe/Paris') as hour,
  date_diff('hour', event_time, asked_at) as ahead,
  country = 'fr' as home
from request`

const declare = (bed: TestBed, more: object = {}, files: Record<string, string> = {}) =>
  bed.declare(
    { ...shop, requestFeatures: { trip }, services: { rain: { features: ['daily:wet', 'trip'] } }, ...more },
    { 'days.csv': days, ...rules, 'label.sql': label, 'trip.sql': sql, ...files },
  )

test("a training set has what is computed of the label's rows and of what was known by then, and all rows", async t => {
  const bed = await openBed(t)
  await declare(bed)

  const { outputs, metrics } = await joinRain(bed)

  const set = await bed.features.trainingSet(outputs['rows']!.ref!)
  const computed = (city: string, day: string, more: object) => ({ city, event_time: at(`${day}T18:00Z`), ...more })
  t.assert.deepEqual(await bed.rows(outputs['rows']), [
    computed('Paris', '2015-02-28', {
      wet: null,
      cents: 10,
      ratio: null,
      place: 'fr/Paris',
      hour: 3,
      ahead: 8,
      home: true,
      label: 1,
    }),
    computed('Oslo', '2015-03-01', {
      wet: null,
      cents: 200,
      ratio: null,
      place: '?/Oslo',
      hour: 3,
      ahead: 8,
      home: null,
      label: 1,
    }),
    computed('Paris', '2015-03-01', {
      wet: true,
      cents: 0,
      ratio: 0,
      place: 'fr/Paris',
      hour: 3,
      ahead: 8,
      home: true,
      label: 0,
    }),
    computed('Paris', '2015-03-02', {
      wet: false,
      cents: 50,
      ratio: 500,
      place: 'fr/Paris',
      hour: 3,
      ahead: 8,
      home: true,
      label: 1,
    }),
  ])
  t.assert.deepEqual(metrics, { rows: 4, unlabelled: 0, featureless: 0 })
  t.assert.deepEqual(set.features, ['wet', 'cents', 'ratio', 'place', 'hour', 'ahead', 'home'])
  t.assert.deepEqual(
    (await bed.ledger.ancestors(set.id)).nodes
      .flatMap(({ kind, label: of }) => (kind === 'rules' ? [of] : []))
      .toSorted(),
    ['engineer.sql', 'label.sql', 'transform.sql', 'trip.sql'],
  )
})

test('a service of request features alone needs no view, and a test of later rows has its columns', async t => {
  const bed = await openBed(t)
  await declare(
    bed,
    {
      requestFeatures: { trip: { ...trip, features: [] } },
      services: { rain: { features: ['trip:pence'] } },
    },
    { 'trip.sql': 'select cents // 2 as pence, cents as unused from request' },
  )
  const dataset = await bed.dataset('days')
  const params = { service: 'rain', label: 'tomorrow' }
  const { outputs } = await bed.call('features.training-set', { params, inputs: { dataset } })

  const { outputs: parts } = await bed.call('features.split', {
    params: { testShare: 0.5 },
    inputs: { rows: outputs['rows']! },
  })

  t.assert.deepEqual(await bed.rows(parts['test'], 'csv'), [
    { city: 'Paris', event_time: at('2015-03-02T18:00Z'), pence: 25, label: 1 },
  ])
})

test('a model is asked with the code that it was trained with, whatever the project says by now', async t => {
  const bed = await openBed(t)
  await declare(bed)
  const { outputs } = await joinRain(bed)
  await declare(bed, {}, { 'trip.sql': 'select cents * 2 as ratio from request' })
  const sqlOf = async (set?: string) => (await bed.features.resolveService('rain', 'rain', set)).requests![0]!.sql

  t.assert.deepEqual(
    [await sqlOf(outputs['rows']!.ref), await sqlOf()],
    [sql, 'select cents * 2 as ratio from request'],
  )
  t.assert.deepEqual(
    (await bed.features.readOnline({ project: 'rain', service: 'rain', keys: ['Paris'] })).map(({ values }) => values),
    [{ wet: null }],
    'what is computed of requests is not looked up',
  )
})

test('what does not fit is refused with its file', async t => {
  const bed = await openBed(t)
  const refusalOf = async (more: object, files: Record<string, string> = {}) => {
    await declare(bed, more, files)
    return (await refusal(joinRain(bed)))[1].replace('\n  ', ' ')
  }
  const view = (change: object) => ({ requestFeatures: { trip: { ...trip, ...change } } })

  t.assert.equal(
    await refusalOf(view({ columns: { ...trip.columns, weight: 'number' } }), {
      'trip.sql': 'select weight from request',
    }),
    'label.sql does not answer what it should. weight: a column weight, which requests bring for trip; it answers city, event_time, label, known_at, cents, country, asked_at',
  )
  t.assert.equal(
    await refusalOf({}, { 'trip.sql': 'select\n cents,\n cents + country as x\nfrom request' }),
    'trip.sql, line 3: + does not take (integer, string): it takes (integer, integer), (number, number), (date, integer), (integer, date) trip.sql: SELECT … AS name, … FROM request',
  )
  t.assert.equal(
    await refusalOf({}, { 'trip.sql': 'select cents + 1 as cents from request' }),
    'trip.sql does not select what it should. cents: another name: a request brings a column that is called so',
  )
  t.assert.equal(
    await refusalOf({}, { 'trip.sql': 'select asked_at from request' }),
    'trip.sql does not select what it should. asked_at: a number, boolean or text, not a timestamp',
  )
  t.assert.equal(
    await refusalOf(view({ columns: { ...trip.columns, country: 'number' } })),
    'trip.sql, line 5: values of one type, not number and string trip.sql: SELECT … AS name, … FROM request',
  )
  t.assert.equal(
    await refusalOf({}, { 'label.sql': label.replace('(rain * 100)::integer', 'rain') }),
    'label.sql does not answer what it should. cents: integer, as trip declares it, not number',
  )
  t.assert.equal(
    await refusalOf({ services: { rain: { features: ['daily:wet', 'trip:pence'] } } }),
    'View trip has no feature pence. services.rain.features = "trip:pence": a feature of trip: cents, ratio, place, hour, ahead, home',
  )
})
