import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDuckdb, literal } from '#storage'
import { checkSelect } from './check.ts'
import { storedTypes, type Value, type ValueType } from './expression.ts'
import { compile } from './run.ts'
import { columns, exact, names, rounded, roundedWithin, rows, safe, zoned } from './testing.ts'

/** What expressions mean is what DuckDB makes of them. */

const duckdb = createDuckdb({ threads: 1 })
after(() => duckdb.stop())

const source = names
  .map((name, at) => {
    const type = columns[name as keyof typeof columns]
    const list = rows.map(row => {
      const value = row[at]!
      return typeof value === 'string'
        ? literal(value)
        : type === 'number' && value !== null
          ? `'${value}'::double`
          : String(value)
    })
    const flat = `unnest([${list.join()}]::${storedTypes[type]}[])`
    if (type === 'date') return `make_timestamp_ms(${flat})::date as ${name}`
    return `${type === 'timestamp' ? `make_timestamp_ms(${flat})` : flat} as ${name}`
  })
  .join(', ')

/** Type of what DuckDB answers, as text by which two answers are compared: numbers by their bits. */
const told: Readonly<Record<ValueType, (expression: string) => string>> = {
  boolean: e => `try(${e})::varchar`,
  integer: e => `case when abs(try(${e})::hugeint) <= ${safe} then (try(${e}))::varchar end`,
  number: e => `case when isfinite(try(${e})::double) then (try(${e})::double + 0)::varchar end`,
  string: e => `try(${e})`,
  date: inCalendar,
  timestamp: inCalendar,
}

/** Years from 1 to 9999. */
function inCalendar(e: string): string {
  return `(case when epoch_ms((try(${e}))::timestamp) between -62135596800000 and 253402300799999 then epoch_ms((try(${e}))::timestamp) end)::varchar`
}

const shown = (value: Value, type: ValueType): string | number | null =>
  value === null ? null : type === 'number' ? (value as number) : String(value)

const parsed = (text: string | null, type: ValueType): string | number | null =>
  text === null ? null : type === 'number' ? Number(text) : text

interface Difference {
  readonly expression: string
  readonly row: Record<string, Value>
  readonly here: unknown
  readonly duckdb: unknown
}

async function differences(expressions: readonly string[], rounding = 0): Promise<Difference[]> {
  const checked = expressions.map(text => checkSelect(`SELECT ${text} AS v FROM request`, columns)[0]!)
  const selected = expressions.map((text, at) => `${told[checked[at]!.type](`(${text})`)} as v${at}`)
  const answers = await duckdb.query([
    `set timezone = 'UTC'`,
    `create or replace temp table request as select ${source}`,
    `select ${selected.join(', ')} from request`,
  ])
  return checked.flatMap(({ expression, type }, at) => {
    const compute = compile(expression, name => names.indexOf(name))
    return rows.flatMap((row, index) => {
      const here = shown(compute(row), type)
      const there = parsed(answers[index]![`v${at}`] as string | null, type)
      const isSame =
        typeof here === 'number' && typeof there === 'number'
          ? Math.abs(here - there) <= rounding * Math.abs(there)
          : here === there
      const named = Object.fromEntries(names.map((name, place) => [name, row[place]!]))
      return isSame ? [] : [{ expression: expressions[at]!, row: named, here, duckdb: there }]
    })
  })
}

/** The first difference of each expression: one is enough to see what is wrong. */
const firsts = (found: readonly Difference[]): Difference[] =>
  found.filter(({ expression }, at) => found.findIndex(other => other.expression === expression) === at)

test('numbers: operators, halves, overflow, what is not finite', async () => {
  assert.deepEqual(firsts(await differences(exact.numbers)), [])
})

test('numbers: functions that libraries round as they like, but for the last digits', async () => {
  assert.deepEqual(firsts(await differences(rounded, roundedWithin)), [])
})

test('nulls and truth', async () => {
  assert.deepEqual(firsts(await differences(exact.truth)), [])
})

test('texts by code points', async () => {
  assert.deepEqual(firsts(await differences(exact.texts)), [])
  const upper = await differences(['upper(s)'])
  assert.deepEqual(
    [...new Set(upper.map(({ row }) => (row['s'] as string).includes('ß')))],
    [true],
    'ß stays what it is',
  )
})

test('texts that are read', async () => {
  assert.deepEqual(firsts(await differences(exact.read)), [])
})

test('dates and clocks, in zones', async () => {
  assert.deepEqual(firsts(await differences(exact.times)), [])
  // In DuckDB what has a time zone is of another type than what has none.
  const there = await duckdb.query([
    `set timezone = 'UTC'`,
    `create or replace temp table request as select * replace (t::timestamptz as t) from (select ${source})`,
    `select ${zoned.map((text, at) => `(${text.replaceAll("TIMESTAMP '", "TIMESTAMPTZ '")}) as v${at}`).join(', ')} from request`,
  ])
  const here = checkSelect(`SELECT ${zoned.map((text, at) => `${text} AS v${at}`).join(', ')} FROM request`, columns)
  const computed = here.map(({ expression }) => compile(expression, name => names.indexOf(name)))
  assert.deepEqual(
    rows.map(row => computed.map(compute => compute(row))),
    there.map(row => zoned.map((_, at) => row[`v${at}`])),
  )
})
