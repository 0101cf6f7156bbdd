import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSelect } from './check.ts'
import { compile } from './run.ts'
import { SyntaxProblem } from './tokens.ts'

const columns = {
  a: 'integer',
  b: 'integer',
  x: 'number',
  y: 'number',
  s: 'string',
  f: 'boolean',
  d: 'date',
  t: 'timestamp',
  r: 'timestamp',
} as const
const names = Object.keys(columns)

const refusal = (sql: string): string => {
  try {
    checkSelect(sql, columns)
  } catch (error) {
    if (error instanceof SyntaxProblem) return `line ${error.line}: ${error.message}`
    throw error
  }
  return 'nothing is wrong'
}

test('what is wrong is said with its line and what is allowed', () => {
  const deep = '('.repeat(200)
  const cases = [
    ['SELECT\n  a,\n  wnid AS w\nFROM request', `line 3: wnid: no column of request; it has ${names.join(', ')}`],
    [
      'SELECT a + s AS v FROM request',
      'line 1: + does not take (integer, string): it takes (integer, integer), (number, number), (date, integer), (integer, date)',
    ],
    [
      'SELECT t - r AS v FROM request',
      'line 1: - does not take (timestamp, timestamp): it takes (integer, integer), (number, number), (date, date), (date, integer); between timestamps: date_diff',
    ],
    ['SELECT a + 1 FROM request', 'line 1: an expression needs a name: … AS name'],
    [
      'SELECT a FROM request WHERE a > 1',
      'line 1: WHERE: a request view has a row for each row of a request, nothing follows FROM request',
    ],
    ['SELECT a FROM orders', 'line 1: orders: expected REQUEST'],
    ['SELECT * FROM request', 'line 1: *: expected an expression'],
    ["SELECT s LIKE 'a%' AS v FROM request", 'line 1: LIKE is not known here: contains, starts_with and ends_with are'],
    ["SELECT t AT TIME ZONE 'Mars' AS v FROM request", "line 1: 'Mars' is no time zone"],
    [
      "SELECT date_diff('fortnight', t, r) AS v FROM request",
      "line 1: date_diff takes one of these first: 'year', 'quarter', 'month', 'day', 'hour', 'minute', 'second', 'millisecond'",
    ],
    ["SELECT DATE '2023-02-30' AS v FROM request", "line 1: '2023-02-30' is no date in ISO 8601"],
    ['SELECT CASE WHEN f THEN a ELSE s END AS v FROM request', 'line 1: values of one type, not integer and string'],
    ['SELECT CASE WHEN a THEN 1 ELSE 2 END AS v FROM request', 'line 1: case: a condition is true or false'],
    ['SELECT a, b AS a FROM request', 'line 1: a is the name of two columns'],
    ['SELECT NULL AS v FROM request', 'line 1: v: a type: CAST(NULL AS …)'],
    ['SELECT a # b AS v FROM request', 'line 1: "#" has no place in an expression'],
    ["SELECT 'open AS v FROM request", 'line 1: "\'" has no place in an expression'],
    [`SELECT ${deep}a AS v FROM request`, 'line 1: expressions within each other deeper than 100'],
    [
      `SELECT x*x AS p0${Array.from({ length: 30 }, (_, at) => `, p${at}*p${at} AS p${at + 1}`).join('')} FROM request`,
      'line 1: more than 5000 parts in all expressions',
    ],
    ['', 'line 1: the end: expected SELECT'],
  ]
  assert.deepEqual(
    cases.map(([sql]) => refusal(sql!)),
    cases.map(([, sentence]) => sentence),
  )
  assert.match(
    refusal('SELECT percentile(a) AS v FROM request'),
    /^line 1: percentile: no function of a row; there are abs, acos/,
  )
})

test('a name that was given before may be used, and columns come first', () => {
  const computed = checkSelect(
    'select x / y as ratio, ln(ratio) as log_ratio, "a" + 0 as b, b as again from request;',
    columns,
  )
  const row = names.map(name => ({ x: 2, y: 4, a: 1, b: 9 })[name] ?? null)
  assert.deepEqual(
    computed.map(({ name, type, expression }) => [
      name,
      type,
      compile(expression, column => names.indexOf(column))(row),
    ]),
    [
      ['ratio', 'number', 0.5],
      ['log_ratio', 'number', Math.log(0.5)],
      ['b', 'integer', 1],
      ['again', 'integer', 9],
    ],
  )
})
