import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ProjectFileInput } from '#project'
import type { Violation } from './contract.ts'
import { csv, openBed, refusal, type TestBed } from './testing.ts'

/** Daily weather of two cities, 2012 to 2015: location, date, precipitation, temp_max, temp_min, wind, weather. */
const weather = readFileSync(new URL('../../node_modules/vega-datasets/data/weather.csv', import.meta.url), 'utf8')
const [header, ...lines] = weather.trimEnd().split('\n')
const all = lines.map(line => line.split(','))
const source: NonNullable<ProjectFileInput['sources']>[string] = {
  type: 'csv',
  path: 'weather.csv',
  key: ['location', 'date'],
  eventTime: 'date',
}

type Cells = readonly string[]
const until = (day: string) => (row: Cells) => row[1]! < day
const seattle = all.filter(row => row[0] === 'Seattle')

const declare = (bed: TestBed, rows: readonly Cells[]) =>
  bed.declare({ sources: { weather: source } }, { 'weather.csv': csv(header!, rows) })

/** Ingests and validates these rows as the next version; answers the violations, none when it is kept. */
async function next(bed: TestBed, rows: readonly Cells[]): Promise<readonly Violation[]> {
  await declare(bed, rows)
  const { outputs } = await bed.call('data.ingest', { params: { source: 'weather' } })
  const failure = await refusal(bed.call('data.validate', { inputs: outputs! }))
  return (failure.detail['violations'] as Violation[] | undefined) ?? []
}

const types = async (bed: TestBed) =>
  (await bed.events()).map(event => event.type).filter(type => type.startsWith('data.contract'))

test('the first version teaches the contract, and keeps it', async t => {
  const bed = await openBed(t)

  const violations = await next(bed, seattle.filter(until('2014-01-01')))

  const contract = (await bed.data.contract('rain', 'weather'))!
  assert.deepEqual(violations, [])
  assert.deepEqual(
    contract.columns.map(({ column, min, values }) => [column, min, values]),
    [
      ['location', undefined, undefined],
      ['date', undefined, undefined],
      ['precipitation', 0, undefined],
      ['temp_max', -36.6, undefined],
      ['temp_min', -32.5, undefined],
      ['wind', 0, undefined],
      ['weather', undefined, ['drizzle', 'fog', 'rain', 'snow', 'sun']],
    ],
  )
  assert.deepEqual([contract.key, contract.rowsMin, contract.evidence?.rows], [['location', 'date'], 366, 731])
  assert.deepEqual(await types(bed), ['data.contract_kept'])
})

test('seasons, later years and a new city keep the contract', async t => {
  const bed = await openBed(t)
  await next(bed, seattle.filter(until('2012-07-01')))

  const found = []
  for (const day of ['2012-08-15', '2012-09-15', '2013-02-01', '2015-01-01', '2016-01-01'])
    found.push(...(await next(bed, seattle.filter(until(day)))))
  found.push(...(await next(bed, all)))

  assert.deepEqual(found, [])
})

test('a column that is turned into a constant −1 breaks it', async t => {
  const bed = await openBed(t)
  await next(bed, seattle)
  const broken = seattle.map(row => row.with(2, '-1').with(3, '-1'))

  const violations = await next(bed, broken)

  assert.deepEqual(
    violations.map(({ column, rule, rows, found }) => [column, rule, rows, found]),
    [
      ['precipitation', 'range', 1461, '-1 in row 1, and 1460 more rows outside'],
      ['precipitation', 'constant', 1461, '-1.0 in all 1461 rows'],
      ['temp_max', 'constant', 1461, '-1.0 in all 1461 rows'],
    ],
  )
  const version = (await bed.data.latest('rain', 'weather'))!
  assert.deepEqual([version.verdict, version.violations], ['broken', violations])
  assert.deepEqual(await types(bed), ['data.contract_kept', 'data.contract_broken'])
})

test('a bad month is found inside four good years', async t => {
  const bed = await openBed(t)
  await next(bed, seattle.filter(until('2015-11-20')))
  const broken = seattle.map(row => (row[1]! < '2015-11-20' ? row : row.with(3, '-1').with(6, 'Rain')))

  const violations = await next(bed, broken)

  assert.deepEqual(
    violations.map(({ column, rule, found }) => [column, rule, found]),
    [
      ['temp_max', 'constant', 'the same value in 42 rows on end'],
      ['weather', 'unknown_value', '"Rain" in 42 of 1461 rows'],
    ],
  )
})

test('what is wrong in a few new rows is found in them', async t => {
  const bed = await openBed(t)
  await next(bed, seattle.filter(until('2015-12-25')))
  const broken = seattle.map(row =>
    row[1]! < '2015-12-25'
      ? row
      : row
          .with(5, '')
          .with(6, 'Rain')
          .with(4, row[1] === '2015-12-31' ? '999' : row[4]!),
  )

  const violations = await next(bed, broken)

  assert.deepEqual(
    violations.map(({ column, rule, found }) => [column, rule, found]),
    [
      ['temp_min', 'range', '999 in row 1461'],
      ['wind', 'missing_share', 'missing in 7 of 7 rows, among the 7 rows that are new'],
      ['weather', 'unknown_value', '"Rain" in 7 of 7 rows, among the 7 rows that are new'],
    ],
  )
})

test('a repeated key is named with its rows', async t => {
  const bed = await openBed(t)
  const rows = seattle.slice(0, 40)

  const violations = await next(bed, [...rows, rows[4]!, rows[4]!])

  assert.deepEqual(violations, [
    {
      column: 'location, date',
      rule: 'duplicate_key',
      found: 'Seattle, 2012-01-05 in rows 5 and 42; 2 rows repeat a key',
      allowed: 'each key once',
      rows: 2,
    },
  ])
  assert.equal(await bed.data.contract('rain', 'weather'), undefined, 'broken data teach nothing')
})

test('a key that is missing in some rows is named', async t => {
  const bed = await openBed(t)

  const violations = await next(
    bed,
    seattle.slice(0, 40).map((row, index) => (index === 7 ? row.with(0, '') : row)),
  )

  assert.deepEqual(violations, [
    {
      column: 'location',
      rule: 'missing_share',
      found: 'missing in 1 rows',
      allowed: 'a value in every row: it is part of the key',
      rows: 1,
    },
  ])
})

test('half the rows gone, a column gone and a column of another kind break it', async t => {
  const bed = await openBed(t)
  await next(bed, seattle)
  await bed.declare(
    { sources: { weather: source } },
    {
      'weather.csv': csv(
        'location,date,precipitation,temp_max,temp_min,weather',
        seattle.slice(0, 100).map(row => [...row.slice(0, 5), row[6]]),
      ),
    },
  )
  const { outputs } = await bed.call('data.ingest', { params: { source: 'weather' } })

  const { code, message } = await refusal(bed.call('data.validate', { inputs: outputs! }))

  assert.deepEqual(
    [code, message],
    [
      'data_broken',
      'Version 2 of weather breaks its contract.\n  *: 100 rows; allowed: 731 rows at least, half of those it was learned from\n  wind: no such column; allowed: a column of type number',
    ],
  )
})

test('what a person accepts is the new normal', async t => {
  const bed = await openBed(t)
  await next(bed, seattle)
  const fahrenheit = seattle.map(row => row.with(3, String(Number(row[3]) * 1.8 + 212)))
  assert.equal((await next(bed, fahrenheit))[0]?.rule, 'range')

  const { evidence } = await bed.data.acceptNewest({
    project: 'rain',
    source: 'weather',
    actor: 'ada',
    reason: 'The station changed its unit.',
  })

  assert.deepEqual([evidence?.actor, evidence?.reason], ['ada', 'The station changed its unit.'])
  assert.equal((await bed.data.latest('rain', 'weather'))!.verdict, 'kept')
  assert.deepEqual(await next(bed, fahrenheit), [])
})

test('a verdict that is given twice under one key is announced once', async t => {
  const bed = await openBed(t)
  await declare(bed, seattle)
  const { outputs } = await bed.call('data.ingest', { params: { source: 'weather' } })

  const first = await bed.call('data.validate', { inputs: outputs!, key: 'run/validate' })
  const second = await bed.call('data.validate', { inputs: outputs!, key: 'run/validate' })

  assert.deepEqual(second, first)
  assert.deepEqual(await types(bed), ['data.contract_kept'])
})
