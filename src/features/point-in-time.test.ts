import { test } from 'node:test'
import fc from 'fast-check'
import type { Duckdb, Row } from '#storage'
import { pointInTimeJoin } from './point-in-time.ts'
import { openBed } from './testing.ts'

/** Rows of the question and of one view; times are in minutes, so that ties and neighbours are frequent. */
interface Asked {
  readonly key: string | null
  readonly time: number | null
}
interface Known extends Asked {
  readonly value: number | null
}

const minute = 60_000
const maxAgeMs = 10 * minute
const key = fc.option(fc.constantFrom('a', 'b', "c'd"), { freq: 8 })
const time = fc.option(fc.integer({ min: 0, max: 40 }), { freq: 8 })
const asked = fc.array(fc.record({ key, time }), { minLength: 1, maxLength: 120 })
const known = fc.uniqueArray(
  fc.record({ key, time, value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { freq: 6 }) }),
  {
    maxLength: 60,
    selector: row => (row.key === null || row.time === null ? Math.random() : `${row.key} ${row.time}`),
  },
)

/** What the join means, as slowly as can be. */
function bruteForce(
  questions: readonly Asked[],
  rows: readonly Known[],
  ageMs: number | undefined,
): { x: number | null; seen: number }[] {
  return questions.map(question => {
    const candidates = rows.filter(
      row =>
        question.key !== null &&
        question.time !== null &&
        row.key === question.key &&
        row.time !== null &&
        row.time <= question.time,
    )
    const newest = candidates.toSorted((a, b) => b.time! - a.time!)[0]
    const isFresh = newest !== undefined && (ageMs === undefined || (question.time! - newest.time!) * minute <= ageMs)
    return isFresh ? { x: newest.value, seen: 1 } : { x: null, seen: 0 }
  })
}

const cell = (value: string | number | null): string =>
  value === null ? 'null' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : `'${value}'::double`
const relation = (name: string, columns: string, rows: readonly string[]): string =>
  `create temp table ${name} (${columns}); ${rows.length > 0 ? `insert into ${name} values ${rows.join(', ')}` : ''}`

interface Question {
  readonly questions: readonly Asked[]
  readonly rows: readonly Known[]
  readonly ageMs: number | undefined
  /** Rows on the left up to which DuckDB takes its nested-loop plan. */
  readonly loopMax?: number
}

async function join(duckdb: Duckdb, { questions, rows, ageMs, loopMax = 64 }: Question): Promise<readonly Row[]> {
  const at = (minutes: number | null): string => (minutes === null ? 'null' : `make_timestamp_ms(${minutes * minute})`)
  const left = questions.map((row, index) => `(${index}, ${cell(row.key)}, ${at(row.time)})`)
  const right = rows.map(row => `(${cell(row.key)}, ${at(row.time)}, ${cell(row.value)})`)
  return duckdb.query([
    `set asof_loop_join_threshold = ${loopMax}`,
    relation('asked', '__row integer, __key varchar, __time timestamp', left),
    relation('known', '__key varchar, __time timestamp, value double', right),
    `select x, __seen as seen from (${pointInTimeJoin('asked', [{ relation: 'known', fields: [{ field: 'value', name: 'x' }], maxAgeMs: ageMs }])}) order by __row`,
  ])
}

for (const [plan, loopMax] of [
  ['nested loop', 1_000_000],
  ['sort merge', 0],
] as const) {
  test(`R1 to R8: on random rows the join is what a slow one is (${plan})`, async t => {
    const { duckdb } = await openBed(t)

    await fc.assert(
      fc.asyncProperty(asked, known, fc.constantFrom(undefined, 0, maxAgeMs), async (questions, rows, ageMs) => {
        t.assert.deepEqual(await join(duckdb, { questions, rows, ageMs, loopMax }), bruteForce(questions, rows, ageMs))
      }),
      { numRuns: 60 },
    )
  })
}

const one = { key: 'a', time: 20 }
const xs = (rows: readonly Row[]) => rows.map(row => row['x'])

test('R1: every question has one answer, repeated ones (R7) too', async t => {
  const { duckdb } = await openBed(t)
  const answers = await join(duckdb, {
    questions: [one, { key: 'z', time: 20 }, one, one],
    rows: [{ ...one, value: 1 }],
    ageMs: undefined,
  })
  t.assert.deepEqual(xs(answers), [1, null, 1, 1])
})

test('R2: a row of the very instant counts, a later one never does', async t => {
  const { duckdb } = await openBed(t)
  const rows = [18, 20, 21].map(time => ({ key: 'a', time, value: time }))
  t.assert.deepEqual(
    xs(
      await join(duckdb, { questions: [17, 18, 19, 20, 30].map(time => ({ key: 'a', time })), rows, ageMs: undefined }),
    ),
    [null, 18, 18, 20, 21],
  )
})

test('R3: a row exactly as old as it may be counts, an older one does not', async t => {
  const { duckdb } = await openBed(t)
  const rows = [{ key: 'a', time: 10, value: 7 }]
  t.assert.deepEqual(
    xs(await join(duckdb, { questions: [20, 21].map(time => ({ key: 'a', time })), rows, ageMs: maxAgeMs })),
    [7, null],
  )
})

test('R5: a missing value of the newest row is not filled from an older one', async t => {
  const { duckdb } = await openBed(t)
  const rows = [
    { key: 'a', time: 10, value: 7 },
    { key: 'a', time: 11, value: null },
  ]
  t.assert.deepEqual(await join(duckdb, { questions: [one], rows, ageMs: undefined }), [{ x: null, seen: 1 }])
})

test('R6: a question without key or instant finds nothing, whichever plan is taken', async t => {
  const { duckdb } = await openBed(t)
  const questions = Array.from({ length: 200 }, (_, index) => ({
    key: index % 10 === 1 ? null : 'a',
    time: index % 10 === 0 ? null : 20,
  }))
  const rows = Array.from({ length: 50 }, (_, time) => ({ key: 'a', time, value: time }))

  for (const loopMax of [0, 64, 1_000_000]) {
    const found = xs(await join(duckdb, { questions, rows, ageMs: undefined, loopMax }))
    t.assert.deepEqual(
      found,
      questions.map(({ key: asks, time: when }) => (asks === null || when === null ? null : 20)),
    )
  }
})

test('R8 and R10: instants are UTC, and two views keep their names apart', async t => {
  const { duckdb } = await openBed(t)
  const view = (relation: string, name: string, maxAge?: number) => ({
    relation,
    fields: [{ field: 'x', name }],
    maxAgeMs: maxAge,
  })

  const rows = await duckdb.query([
    `create temp table asked as select 0 as __row, 'a' as __key, timestamp '2015-03-01 12:00:00' as __time`,
    `create temp table one as select 'a' as __key, cast(timestamptz '2015-03-01 13:59:00+02:00' as timestamp) as __time, 1 as x`,
    `create temp table two as select 'a' as __key, timestamp '2015-02-01 00:00:00' as __time, 2 as x`,
    pointInTimeJoin('asked', [view('one', 'one__x'), view('two', 'two__x', 1_000)]),
  ])

  t.assert.deepEqual(rows, [{ __row: 0, __seen: 1, one__x: 1, two__x: null }])
})
