import { test } from 'node:test'
import { createApp } from '#http'
import { featureRoutes } from './routes.ts'
import { at, openBed, rules, shop, type TestBed } from './testing.ts'

type Days = readonly (readonly [string, string, number])[]
const csv = (rows: Days): string => `city,day,rain\n${rows.map(row => row.join(',')).join('\n')}\n`
const march: Days = Array.from(
  { length: 10 },
  (_, index) => ['Paris', `2015-03-${String(index + 1).padStart(2, '0')}`, index] as const,
)
const lyon = ['Lyon', '2015-03-05', 7] as const
const engineer = `select city, day + time '18:00' as event_time, rain from transformed`

const declare = (
  bed: TestBed,
  rows: Days,
  { retention = '4d', ...files }: { retention?: string } & Record<string, string> = {},
) =>
  bed.declare(
    { ...shop, features: { daily: { ...shop.features.daily, retention } } },
    { ...rules, 'days.csv': csv(rows), 'engineer.sql': engineer, ...files },
  )

/** Computes and materialises; answers how many rows were written. */
async function refresh(bed: TestBed, keyOfTask?: string): Promise<number> {
  const { outputs } = await bed.call('features.compute', {
    params: { view: 'daily' },
    inputs: { dataset: await bed.dataset('days') },
  })
  const { metrics } = await bed.call('features.materialise', {
    inputs: outputs,
    ...(keyOfTask === undefined ? {} : { key: keyOfTask }),
  })
  return metrics['rows']!
}

const online = async (bed: TestBed, city: string, time: string) => {
  const [row] = await bed.features.readOnline({ project: 'rain', service: 'rain', keys: [city], at: at(time) })
  return row!.status === 'present' ? row!.values['rain'] : row!.status
}

test('what is online answers as of any instant within the retention, and each key with its last row', async t => {
  const bed = await openBed(t)
  await declare(bed, [...march, lyon])

  const rows = await refresh(bed)

  t.assert.equal(rows, 6, 'four days and the one before of Paris, the last of Lyon')
  t.assert.deepEqual(
    [
      await online(bed, 'Paris', '2015-03-10T18:00Z'),
      await online(bed, 'Paris', '2015-03-10T17:59Z'),
      await online(bed, 'Paris', '2015-03-07T00:00Z'),
    ],
    [9, 8, 5],
  )
  t.assert.deepEqual(
    [
      await online(bed, 'Lyon', '2015-03-08T18:00Z'),
      await online(bed, 'Lyon', '2015-03-08T18:01Z'),
      await online(bed, 'Rome', '2015-03-08T18:01Z'),
    ],
    [7, 'expired', 'not_found'],
  )
})

test('only what is new or was corrected is written, and old rows go', async t => {
  const bed = await openBed(t)
  await declare(bed, [...march, lyon])
  await refresh(bed)
  const corrected = march.map(row => (row[1] === '2015-03-09' ? (['Paris', '2015-03-09', 99] as const) : row))
  await declare(bed, [...corrected, lyon, ['Paris', '2015-03-11', 10]])

  const rows = await refresh(bed)

  const [view] = await bed.features.views('rain')
  t.assert.deepEqual(
    [rows, await online(bed, 'Paris', '2015-03-10T00:00Z'), await online(bed, 'Paris', '2015-03-11T20:00Z')],
    [2, 99, 10],
  )
  t.assert.deepEqual([view!.onlineRows, view!.onlineTo, view!.latest!.version], [6, at('2015-03-11T18:00Z'), 2])
  t.assert.equal(await online(bed, 'Paris', '2015-03-06T20:00Z'), 'not_found', 'it is beyond the retention now')
})

test('a row that is gone, other features and another retention write all of it anew', async t => {
  const bed = await openBed(t)
  await declare(bed, march)
  await refresh(bed)

  await declare(
    bed,
    march.filter(row => row[1] !== '2015-03-09'),
  )
  t.assert.deepEqual([await refresh(bed), await online(bed, 'Paris', '2015-03-09T20:00Z')], [4, 7])
  await declare(bed, march, { retention: '2d' })
  t.assert.deepEqual([await refresh(bed), (await bed.features.views('rain'))[0]!.onlineRows], [3, 3])
  await declare(bed, march, {
    retention: '2d',
    'engineer.sql': `select city, day + time '18:00' as event_time, -rain as rain, 1 as more from transformed`,
  })
  t.assert.deepEqual([await refresh(bed), await online(bed, 'Paris', '2015-03-10T20:00Z')], [3, -9])
})

test('a version that is there already, and an older one, change nothing', async t => {
  const bed = await openBed(t)
  await declare(bed, march.slice(0, 9))
  const old = await bed.call('features.compute', {
    params: { view: 'daily' },
    inputs: { dataset: await bed.dataset('days') },
  })
  await declare(bed, march)
  await refresh(bed)

  const again = await refresh(bed)
  const older = await bed.call('features.materialise', { inputs: old.outputs })

  t.assert.deepEqual([again, older.metrics['rows'], await online(bed, 'Paris', '2015-03-10T20:00Z')], [0, 0, 9])
})

test('a writer that died half-way is made good by the next one', async t => {
  const bed = await openBed(t)
  await declare(bed, march)
  await refresh(bed)
  await bed.online.begin({ project: 'rain', view: 'daily' }, 'a process that died')
  await bed.online.write({ project: 'rain', view: 'daily' }, 'ftv_half', [
    { key: 'Paris', eventTime: at('2015-03-10T19:00Z'), values: { rain: -1 } },
  ])
  await declare(bed, [...march, lyon])

  const rows = await refresh(bed)

  t.assert.deepEqual([rows, await online(bed, 'Paris', '2015-03-10T20:00Z')], [6, 9])
})

test('two materialisations at once happen one after the other', async t => {
  const bed = await openBed(t)
  await declare(bed, march)
  const { outputs } = await bed.call('features.compute', {
    params: { view: 'daily' },
    inputs: { dataset: await bed.dataset('days') },
  })

  const both = await Promise.all([
    bed.call('features.materialise', { inputs: outputs }),
    bed.call('features.materialise', { inputs: outputs }),
  ])

  t.assert.deepEqual(
    both.map(each => each.metrics['rows']),
    [5, 0],
  )
})

test('a materialisation is announced once, however often its task is called', async t => {
  const bed = await openBed(t)
  await declare(bed, march)

  await refresh(bed, 'run/online')
  await refresh(bed, 'run/online')

  const events = (await bed.events()).filter(event => event.type === 'features.materialised')
  t.assert.deepEqual(
    events.map(event => [
      event.project,
      (event.data as { rows: number; to: number }).rows,
      (event.data as { to: number }).to,
    ]),
    [['rain', 5, at('2015-03-10T18:00Z')]],
  )
})

test('views, versions and online rows are answered over HTTP', async t => {
  const bed = await openBed(t)
  await declare(bed, march)
  await refresh(bed)
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  featureRoutes(app, bed.features)
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1/${url}`, ...(payload && { payload }) })
    return { status: reply.statusCode, body: reply.json() as Record<string, never> }
  }

  const views = await call('GET', 'projects/rain/features')
  const versions = await call('GET', 'projects/rain/features/daily/versions')
  const read = await call('POST', 'projects/rain/features:read', {
    service: 'rain',
    keys: ['Paris', 'Rome'],
    at: at('2015-03-10T20:00Z'),
  })
  const now = await call('POST', 'projects/rain/features:read', { service: 'rain', keys: ['Paris'] })
  const refused = [
    await call('POST', 'projects/rain/features:read', { service: 'rain', keys: [] }),
    await call('POST', 'projects/rain/features:read', { service: 'snow', keys: ['a'] }),
    await call('GET', 'training-sets/trs_01a1facd-0000-7000-8000-000000000000'),
  ]

  t.assert.deepEqual(views.body, { items: await bed.features.views('rain') })
  t.assert.deepEqual(versions.body, await bed.features.versions('rain', 'daily', { limit: 50 }))
  t.assert.deepEqual(read.body['rows'], [
    { key: 'Paris', status: 'present', eventTime: at('2015-03-10T18:00Z'), values: { rain: 9 } },
    { key: 'Rome', status: 'not_found', values: { rain: null } },
  ])
  t.assert.deepEqual(now.body['rows'], [
    { key: 'Paris', status: 'expired', eventTime: at('2015-03-10T18:00Z'), values: { rain: null } },
  ])
  t.assert.deepEqual(
    refused.map(reply => reply.status),
    [422, 404, 404],
  )
})

test('a service cannot be resolved before its views were computed', async t => {
  const bed = await openBed(t)
  await declare(bed, march)

  await t.assert.rejects(bed.features.resolveService('rain', 'rain'), {
    code: 'conflict',
    message: 'Feature view daily was never computed: run a pipeline that does.',
  })
  await refresh(bed)
  t.assert.deepEqual(await bed.features.resolveService('rain', 'rain'), {
    entityKey: 'city',
    views: [{ view: 'daily', fields: ['rain'], maxAgeMs: 259_200_000 }],
  })
})
