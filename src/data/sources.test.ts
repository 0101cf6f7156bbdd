import assert from 'node:assert/strict'
import { rename, writeFile, utimes } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createConnection as connect } from 'mysql2/promise'
import pg from 'pg'
import { createApp } from '#http'
import { literal } from '#storage'
import { dataRoutes } from './routes.ts'
import { openBed, refusal, type TestBed } from './testing.ts'
import { watchFiles } from './watch.ts'

const ingest = (bed: TestBed, source = 'weather') => bed.call('data.ingest', { params: { source } })
const read = async (bed: TestBed, source = 'weather') => {
  const version = (await bed.data.latest('rain', source))!
  const rows = await bed.duckdb.query([`select * from read_parquet(${literal(await bed.blobs.path(version.digest))})`])
  return { types: version.columns.map(column => column.type), rows }
}
const arrivals = async (bed: TestBed) =>
  (await bed.events())
    .filter(event => event.type === 'data.arrived')
    .map(event => [event.actor, (event.data as { source: string }).source])

async function openApp(t: TestContext, bed: TestBed) {
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  app.addHook('onRequest', async request => {
    request.actor = 'ada'
  })
  dataRoutes(app, bed.data)
  return async (method: 'GET' | 'PUT' | 'POST', url: string, payload?: string | object) => {
    const reply = await app.inject({
      method,
      url: `/api/v1/${url}`,
      ...(payload === undefined ? {} : { payload }),
      ...(typeof payload === 'string' ? { headers: { 'content-type': 'text/csv' } } : {}),
    })
    return { status: reply.statusCode, body: reply.json() as Record<string, never> }
  }
}

test('what is uploaded is announced once, and read by the next run', async t => {
  const bed = await openBed(t)
  const call = await openApp(t, bed)
  await bed.declare({ sources: { weather: { type: 'csv' } } })
  assert.match((await refusal(ingest(bed))).message, /PUT \/api\/v1\/projects\/rain\/sources\/weather\/data/)

  const { status, body } = await call('PUT', 'projects/rain/sources/weather/data', 'a,b\n1,2\n')
  await call('PUT', 'projects/rain/sources/weather/data', 'a,b\n1,2\n')
  await ingest(bed)

  assert.deepEqual([status, body['bytes'], await arrivals(bed)], [200, 8, [['ada', 'weather']]])
  assert.deepEqual(await read(bed), { types: ['integer', 'integer'], rows: [{ a: 1, b: 2 }] })
})

test('an upload that cannot be what it should is refused at the door', async t => {
  const bed = await openBed(t)
  const call = await openApp(t, bed)
  await bed.declare(
    { sources: { weather: { type: 'csv', columns: { wind: 'number' } }, file: { type: 'csv', path: 'a.csv' } } },
    { 'a.csv': 'a\n1\n' },
  )
  const upload = async (source: string, text: string) => {
    const { status, body } = await call('PUT', `projects/rain/sources/${source}/data`, text)
    return [status, body['type'], body['title']]
  }

  assert.deepEqual(await upload('weather', ''), [
    422,
    '/errors/invalid',
    'weather was sent no data.\n  body: the bytes of a file',
  ])
  assert.deepEqual(await upload('weather', 'a,b\n1,2\n'), [
    422,
    '/errors/data_broken',
    'weather is broken.\n  wind: columns a, b; allowed: a column wind',
  ])
  assert.deepEqual((await upload('file', 'a\n1\n')).slice(0, 2), [409, '/errors/conflict'])
  assert.deepEqual((await upload('nothing', 'a\n1\n')).slice(0, 2), [404, '/errors/not_found'])
  assert.deepEqual(await arrivals(bed), [])
})

test('sources, versions, rows and contracts are answered over HTTP', async t => {
  const bed = await openBed(t)
  const call = await openApp(t, bed)
  await bed.declare(
    { sources: { weather: { type: 'csv', path: 'a.csv' } } },
    { 'a.csv': 'day,x\n2015-03-01,1.5\n2015-03-02,\n' },
  )
  const { outputs } = await ingest(bed)
  const id = outputs!['dataset']!.ref!

  const sources = await call('GET', 'projects/rain/sources')
  const versions = await call('GET', 'projects/rain/sources/weather/versions?limit=1')
  const version = await call('GET', `dataset-versions/${id}`)
  const sample = await call('GET', `dataset-versions/${id}/sample?limit=2`)
  const contract = await call('POST', 'projects/rain/sources/weather/contract', { reason: 'It is right.' })
  const unknown = await call('GET', 'dataset-versions/dsv_01a1facd-0000-7000-8000-000000000000')

  assert.deepEqual(version.body, await bed.data.version(id).then(found => ({ ...found, verdict: 'unchecked' })))
  assert.deepEqual(
    [sources.body['items'], versions.body['items']],
    [[{ project: 'rain', name: 'weather', type: 'csv', versions: 1, latest: version.body }], [version.body]],
  )
  assert.deepEqual(sample.body, {
    columns: [
      { name: 'day', type: 'date' },
      { name: 'x', type: 'number' },
    ],
    rows: [
      { day: '2015-03-01', x: 1.5 },
      { day: '2015-03-02', x: null },
    ],
  })
  assert.deepEqual([contract.status, unknown.status], [200, 404])
  assert.equal((await bed.data.version(id)).verdict, 'kept')
})

test('a file on the server that changes is announced when nobody writes it any more', async t => {
  const bed = await openBed(t)
  const path = `${bed.folder}/live.csv`
  await bed.declare({ sources: { weather: { type: 'csv', path } } })
  assert.equal((await refusal(ingest(bed))).code, 'unavailable')
  const watcher = watchFiles(bed.deps, 15)
  watcher.start()
  t.after(watcher.stop)
  const put = async (text: string, announced: number) => {
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
    while ((await arrivals(bed)).length < announced) await pause(5)
  }

  await put('a\n1\n', 1)
  await ingest(bed)
  await utimes(path, 1, 1)
  await pause(60)
  await put('a\n1\n2\n', 2)
  await put('a\n1\n', 3)

  assert.deepEqual(
    await arrivals(bed),
    Array(3).fill(['trainyard', 'weather']),
    'a new time alone is no news, the bytes of before are',
  )
})

test('a file that was read before it was watched is no news', async t => {
  const bed = await openBed(t)
  const path = `${bed.folder}/live.csv`
  await writeFile(path, 'a\n1\n')
  await bed.declare({ sources: { weather: { type: 'csv', path } } })
  await ingest(bed)
  const watcher = watchFiles(bed.deps, 15)
  watcher.start()
  t.after(watcher.stop)

  while ((await bed.deps.store.source('rain', 'weather')).watched === undefined) await pause(5)

  assert.deepEqual(await arrivals(bed), [])
})

test('a file that is missing in the code is named', async t => {
  const bed = await openBed(t)
  await bed.declare({ sources: { weather: { type: 'csv', path: 'data/none.csv' } } }, { 'data/none.csv': 'a\n1\n' })
  await bed.declare({ sources: { weather: { type: 'sql', database: 'sqlite:none.db', query: 'select 1' } } })

  const { code, message } = await refusal(ingest(bed))

  assert.deepEqual(
    [code, message],
    [
      'invalid',
      'Source weather has no data.\n  sources.weather.database = "sqlite:none.db": sqlite: and a file of the repository or an absolute path',
    ],
  )
})

test('rows of an SQLite query are read page by page, with their types', async t => {
  const bed = await openBed(t)
  const file = `${bed.folder}/shop.db`
  const shop = new DatabaseSync(file)
  shop.exec(`create table sale (id integer, price real, note text, day text)`)
  shop.exec(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 12000) insert into sale select i, i / 4.0, case i when 1 then null when 2 then '' when 3 then 'a "b", c' else 'x' end, '2015-03-01' from n`,
  )
  shop.close()
  await bed.declare({
    sources: { weather: { type: 'sql', database: `sqlite:${file}`, query: 'select * from sale order by id' } },
  })

  await ingest(bed)

  const { types, rows } = await read(bed)
  assert.deepEqual([types, rows.length], [['integer', 'number', 'string', 'date'], 12_000])
  assert.deepEqual(
    rows.slice(0, 3),
    [null, '', 'a "b", c'].map((note, index) => ({
      id: index + 1,
      price: (index + 1) / 4,
      note,
      day: Date.UTC(2015, 2, 1),
    })),
  )
})

test('a query that the database refuses is refused in its words, and nothing can be written', async t => {
  const bed = await openBed(t)
  const file = `${bed.folder}/shop.db`
  const shop = new DatabaseSync(file)
  shop.exec(`create table sale (id integer)`)
  shop.close()
  const declare = (query: string) =>
    bed.declare({ sources: { weather: { type: 'sql', database: `sqlite:${file}`, query } } })

  await declare('select absent from sale')
  assert.match((await refusal(ingest(bed))).message, /^weather cannot be read: no such column: absent\n/)
  await declare('delete from sale returning id')
  assert.match((await refusal(ingest(bed))).message, /^weather cannot be read: attempt to write a readonly database\n/)
})

const server = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine
test(
  'rows of a PostgreSQL query are read through a cursor, with their types',
  { skip: server === undefined },
  async t => {
    const bed = await openBed(t)
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    const table = `sale_${Date.now()}`
    t.after(async () => {
      await client.query(`drop table ${table}`)
      await client.end()
    })
    await client.query(
      `create table ${table} as select i as id, (i / 4.0)::numeric as price, i % 2 = 0 as even, nullif(i, 2)::text as note, timestamptz '2015-03-01 00:00:00+02' as at from generate_series(1, 12000) i`,
    )
    await bed.declare({
      sources: { weather: { type: 'sql', database: server!, query: `select * from ${table} order by id;` } },
    })

    await ingest(bed)
    await bed.declare({
      sources: { weather: { type: 'sql', database: 'postgres://user:secret@127.0.0.1:1/x', query: 'select 1' } },
    })
    const away = await refusal(ingest(bed))

    const { types, rows } = await read(bed)
    const at = Date.UTC(2015, 1, 28, 22)
    assert.deepEqual([types, rows.length], [['integer', 'number', 'boolean', 'integer', 'timestamp'], 12_000])
    assert.deepEqual(rows.slice(0, 2), [
      { id: 1, price: 0.25, even: false, note: 1, at },
      { id: 2, price: 0.5, even: true, note: null, at },
    ])
    assert.equal(away.code, 'unavailable')
    assert.doesNotMatch(JSON.stringify([away, await bed.data.latest('rain', 'weather')]), /secret/)
  },
)

const mariadb = 'mysql://root@127.0.0.1:3306/test'
test('rows of a MariaDB query are read as they come, with their types', async t => {
  const bed = await openBed(t)
  const connection = await connect(mariadb).catch(() => undefined)
  if (!connection) return t.skip(`no MariaDB at ${mariadb}`)
  const table = `sale_${Date.now()}`
  t.after(async () => {
    await connection.query(`drop table ${table}`)
    await connection.end()
  })
  await connection.query(
    `create table ${table} (id bigint, price decimal(12, 2), note text, hash binary(2), day date, at timestamp(6) null)`,
  )
  await connection.query(`set time_zone = '+02:00'`)
  await connection.query(
    `insert into ${table} select seq + 9007199254740992, seq / 4, nullif(concat('é "', seq, '"'), 'é "2"'), 0x00ff, '2015-03-01', '2015-03-01 00:00:00.5' from seq_1_to_12000`,
  )
  const declare = (query: string, database = mariadb) =>
    bed.declare({ sources: { weather: { type: 'sql', database, query } } })
  await declare(`select * from ${table} order by id`)

  await ingest(bed)
  const { rows } = await read(bed)
  await declare(`delete from ${table} returning id`)
  const written = await refusal(ingest(bed))
  await declare('select 1', 'mysql://user:secret@127.0.0.1:1/x')
  const away = await refusal(ingest(bed))

  const [day, at] = [Date.UTC(2015, 2, 1), Date.UTC(2015, 1, 28, 22, 0, 0, 500)]
  assert.deepEqual(
    [rows.length, rows.slice(0, 2)],
    [
      12_000,
      [
        { id: '9007199254740993', price: 0.25, note: 'é "1"', hash: '00ff', day, at },
        { id: '9007199254740994', price: 0.5, note: null, hash: '00ff', day, at },
      ],
    ],
  )
  assert.match(written.message, /READ ONLY transaction/)
  assert.equal(away.code, 'unavailable')
  assert.doesNotMatch(JSON.stringify(away), /secret/)
})

test('the address of a database may be a secret, which stays out of errors and lineage', async t => {
  const bed = await openBed(t)
  const file = `${bed.folder}/shop.db`
  const shop = new DatabaseSync(file)
  shop.exec(`create table sale (id integer); insert into sale values (1)`)
  shop.close()
  const set = (value: string) => bed.secrets.set({ project: 'rain', name: 'SHOP', value, actor: 'ada' })
  await bed.declare({
    sources: { weather: { type: 'sql', database: { secret: 'SHOP' }, query: 'select * from sale' } },
  })

  const unset = await refusal(ingest(bed))
  await set('oracle://user:hunter2@db/shop')
  const wrong = await refusal(ingest(bed))
  await set('postgres://user:hunter2@127.0.0.1:1/shop')
  const away = await refusal(ingest(bed))
  await set(`sqlite:${file}`)
  await ingest(bed)

  assert.match(unset.message, /^Secrets of rain are not set\.\n {2}SHOP: a secret: trainyard secrets set SHOP/)
  assert.equal(
    wrong.message,
    'Source weather has no data.\n  secret SHOP: sqlite:<file>, postgres://… or mysql://… with an absolute path',
  )
  assert.equal(away.code, 'unavailable')
  const { rows } = await read(bed)
  const version = await bed.data.latest('rain', 'weather')
  assert.deepEqual(rows, [{ id: 1 }])
  assert.doesNotMatch(JSON.stringify([unset, wrong, away, version]), /hunter2|shop\.db/)
  const [used] = (await bed.secrets.list('rain', { limit: 9 })).items
  assert.equal(used?.usedBy, 'source weather')
})

test('an upload of any size is a stream', async t => {
  const bed = await openBed(t)
  await bed.declare({ sources: { weather: { type: 'csv' } } })
  const chunk = `${'1,2\n'.repeat(16_384)}`
  async function* bytes() {
    yield 'a,b\n'
    for (let index = 0; index < 40; index++) yield chunk
  }

  const arrival = await bed.data.arrive({
    project: 'rain',
    source: 'weather',
    bytes: Readable.from(bytes(), { objectMode: false }),
    actor: 'ada',
  })

  assert.equal(arrival.bytes, 4 + 40 * chunk.length)
})
