import assert from 'node:assert/strict'
import { test } from 'node:test'
import { literal } from '#storage'
import { contractBroken } from './events.ts'
import { openBed, refusal, startedAt, type TestBed } from './testing.ts'

const weather = { type: 'csv', path: 'weather.csv', key: ['city', 'day'], eventTime: 'day' } as const
const ingest = (bed: TestBed) => bed.call('data.ingest', { params: { source: 'weather' } })
const declare = (bed: TestBed, text: string, more: object = {}) =>
  bed.declare({ sources: { weather: { ...weather, key: [], eventTime: undefined, ...more } } } as never, {
    'weather.csv': text,
  })
const rowsOf = async (bed: TestBed, digest: string) =>
  bed.duckdb.query([`select * from read_parquet(${literal(await bed.blobs.path(digest as never))})`])

test('a CSV file becomes a version with the types of its whole columns', async t => {
  const bed = await openBed(t)
  await declare(
    bed,
    'city,day,at,rain,count,wet,code\nParis,2015-03-01,2015-03-01T18:00:00+02:00,0.5,1,true,007\n"Lyon, FR",2015-03-02,2015-03-02,,-2,false,008\n',
  )

  const { outputs } = await ingest(bed)

  const version = (await bed.data.latest('rain', 'weather'))!
  assert.deepEqual(outputs, { dataset: { digest: version.digest, size: version.bytes, ref: version.id, value: 1 } })
  assert.deepEqual(
    version.columns.map(({ name, type, missing }) => [name, type, missing]),
    [
      ['city', 'string', 0],
      ['day', 'date', 0],
      ['at', 'timestamp', 0],
      ['rain', 'number', 1],
      ['count', 'integer', 0],
      ['wet', 'boolean', 0],
      ['code', 'string', 0],
    ],
  )
  assert.deepEqual((await rowsOf(bed, version.digest))[0], {
    city: 'Paris',
    day: Date.UTC(2015, 2, 1),
    at: Date.UTC(2015, 2, 1, 16),
    rain: 0.5,
    count: 1,
    wet: true,
    code: '007',
  })
  assert.deepEqual(
    [version.version, version.rows, version.verdict, version.origin, version.createdAt],
    [1, 2, 'unchecked', 'weather.csv', startedAt],
  )
})

test('the same rows are the same version, other rows are the next', async t => {
  const bed = await openBed(t)
  await declare(bed, 'a,b\n1,2\n')
  const first = await ingest(bed)
  await declare(bed, '\uFEFFa;b\r\n1;"2"\r\n')
  const again = await ingest(bed)
  await declare(bed, 'a,b\n1,3\n')
  const other = await ingest(bed)

  assert.deepEqual(again.outputs, first.outputs)
  assert.equal(other.outputs!['dataset']!.value, 2)
  assert.deepEqual(
    (await bed.events()).map(event => event.type).filter(type => type.startsWith('data')),
    ['data.version_added', 'data.version_added'],
  )
})

test('a version leads back to its bytes and to what declared it', async t => {
  const bed = await openBed(t)
  await declare(bed, 'a,b\n1,2\n')
  const { outputs } = await ingest(bed)
  const version = await bed.data.version(outputs!['dataset']!.ref!)

  const { nodes, edges } = await bed.ledger.ancestors(version.id)

  assert.deepEqual(
    nodes.map(node => [node.kind, node.label]),
    [
      ['dataset_version', 'weather 1'],
      ['raw_data', 'weather from weather.csv'],
    ],
  )
  assert.deepEqual(edges, [{ from: version.id, to: `raw_rain_${version.raw}`, relation: 'read from' }])
})

test('declared types win over inferred ones, and learned ones stay', async t => {
  const bed = await openBed(t)
  await declare(bed, 'code,n\n1,1\n2,2\n', { columns: { code: 'string' } })
  const first = await ingest(bed)
  await bed.call('data.validate', { inputs: first.outputs! })
  await declare(bed, 'code,n\n3,1.5\n4,2\n', { columns: { code: 'string' } })
  await ingest(bed)

  const types = (await bed.data.latest('rain', 'weather'))!.columns.map(column => column.type)
  assert.deepEqual(types, ['string', 'number'], 'whole numbers may turn out to have fractions')
  await declare(bed, 'code,n\n3,many\n4,2\n', { columns: { code: 'string' } })
  const { code, message } = await refusal(ingest(bed))
  assert.deepEqual(
    [code, message],
    ['data_broken', 'weather is broken.\n  n: "many" in row 1; allowed: a whole number between ±9007199254740991'],
  )
})

const brokenFiles: readonly (readonly [string, string | Buffer, object, string, string])[] = [
  ['an empty file', '', {}, 'invalid', 'weather cannot be read as CSV.\n  file: a header and rows; this file is empty'],
  ['a header without rows', 'a,b\n', {}, 'data_broken', 'weather is broken.\n  *: no rows; allowed: at least one row'],
  [
    'a column that is declared and missing',
    'a,b\n1,2\n',
    { columns: { wind: 'number' } },
    'data_broken',
    'weather is broken.\n  wind: columns a, b; allowed: a column wind',
  ],
  [
    'a name that two columns have',
    'a,b,A\n1,2,3\n',
    {},
    'invalid',
    'weather cannot be read as CSV.\n  column 3, A: a name of its own; column 1 has it',
  ],
  [
    'a column without a name',
    ',b\n1,2\n',
    {},
    'invalid',
    'weather cannot be read as CSV.\n  column 1: a name in the header (an index that pandas wrote: index=False)',
  ],
  [
    'rows with other numbers of cells',
    'a,b\n1,2\n3\n4,5,6\n',
    {},
    'invalid',
    'weather has rows that are not 2 cells: 2.\n  row 2 = "3": Expected Number of Columns: 2 Found: 1\n  row 3 = "4,5,6": Expected Number of Columns: 2 Found: 3',
  ],
  [
    'bytes that are not UTF-8',
    Buffer.concat([Buffer.from('a,b\nä,2\n3,'), Buffer.from([0xe4, 0x0a])]),
    {},
    'invalid',
    'weather cannot be read as CSV.\n  line 3: text in UTF-8',
  ],
  [
    'UTF-16',
    Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le'),
    {},
    'invalid',
    'weather cannot be read as CSV.\n  line 1: text in UTF-8; this is UTF-16',
  ],
  [
    'an archive',
    Buffer.from([0x1f, 0x8b, 8, 0, 0xff]),
    {},
    'invalid',
    'weather cannot be read as CSV.\n  line 1: text in UTF-8; this is a gzip archive, unpack it first',
  ],
  [
    'a text in a number',
    'a,b\n1,2\n2,x\n3,-\n4,4\n5,y\n6,z\n',
    { columns: { b: 'number' } },
    'data_broken',
    'weather is broken.\n  b: "x" in row 2, "-" in row 3, "y" in row 5 and 1 more; allowed: a finite number such as -1.5; an empty cell when it is missing',
  ],
  [
    'a NaN',
    'a,b\n1,2.5\n2,NaN\n',
    {},
    'data_broken',
    'weather is broken.\n  b: "NaN" in row 2; allowed: a finite number such as -1.5; an empty cell when it is missing',
  ],
  [
    'a day that no calendar has',
    'a,b\n1,2015-02-29\n',
    { columns: { b: 'date' } },
    'data_broken',
    'weather is broken.\n  b: "2015-02-29" in row 1; allowed: a date such as 2015-03-01',
  ],
  [
    'a fraction in whole numbers',
    'a,b\n1.5,2\n',
    { columns: { a: 'integer' } },
    'data_broken',
    'weather is broken.\n  a: "1.5" in row 1; allowed: a whole number between ±9007199254740991',
  ],
  [
    'a quote that is not closed',
    'a,b\n1,"2\n3,4\n',
    {},
    'invalid',
    'weather has rows that are not 2 cells: 1.\n  row 1 = "1,\\"2\\n3,4": Value with unterminated quote found.',
  ],
]

for (const [name, text, more, code, message] of brokenFiles) {
  test(`${name} is refused, and leaves nothing behind`, async t => {
    const bed = await openBed(t)
    await declare(bed, text as string, more)

    const error = await refusal(ingest(bed))

    assert.deepEqual([error.code, error.message], [code, message])
    assert.equal(await bed.data.latest('rain', 'weather'), undefined)
    const announced = (await bed.events()).filter(event => event.type === contractBroken.type).length
    assert.equal(announced, code === 'data_broken' ? 1 : 0)
  })
}

test('a Parquet file keeps its types, and a value that has none of ours is refused', async t => {
  const bed = await openBed(t)
  const good = `${bed.folder}/good.parquet`
  const bad = `${bed.folder}/bad.parquet`
  await bed.duckdb.query([
    `copy (select 1::utinyint as n, 1.5::decimal(4,2) as x, 'a' as s, date '2015-01-01' as d, timestamptz '2015-01-01 00:00:00+01' as t) to '${good}' (format parquet)`,
    `copy (select [1, 2] as list) to '${bad}' (format parquet)`,
    'select 1',
  ])
  await bed.declare({
    sources: {
      weather: { type: 'parquet', path: good, columns: { n: 'number' } },
      bad: { type: 'parquet', path: bad },
    },
  })
  const { outputs } = await ingest(bed)

  const refused = await refusal(bed.call('data.ingest', { params: { source: 'bad' } }))

  assert.deepEqual(await rowsOf(bed, outputs!['dataset']!.digest!), [
    { n: 1, x: 1.5, s: 'a', d: Date.UTC(2015, 0, 1), t: Date.UTC(2014, 11, 31, 23) },
  ])
  assert.deepEqual(
    (await bed.data.latest('rain', 'weather'))!.columns.map(column => column.type),
    ['number', 'number', 'string', 'date', 'timestamp'],
  )
  assert.deepEqual(
    [refused.code, refused.message],
    [
      'invalid',
      'bad has a column that a dataset cannot hold.\n  list = "INTEGER[]": booleans, numbers, text, dates and timestamps, under another name',
    ],
  )
})

test('a file that is not Parquet is refused in words', async t => {
  const bed = await openBed(t)
  await bed.declare(
    { sources: { weather: { type: 'parquet', path: 'weather.parquet' } } },
    { 'weather.parquet': 'a,b\n1,2\n' },
  )

  const { code, message } = await refusal(ingest(bed))

  assert.deepEqual([code, message], ['invalid', 'weather cannot be read as Parquet.\n  file: a Parquet file'])
})
