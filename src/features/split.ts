import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { textOf } from '#data'
import { formatSql, identifier, literal, type Blob, type TableFormat } from '#storage'
import { temporary, type FeatureDeps } from './compute.ts'
import { eventTime, label, type TrainingSet } from './feature-version.ts'

/** How much of the end of the rows is for the test: days of event time, or a share of the rows. */
export type SplitRule = { readonly testDays: number } | { readonly testShare: number }

export interface Splitting {
  readonly set: TrainingSet
  /** The column of the entity key. */
  readonly key: string
  readonly rule: SplitRule
  readonly format: TableFormat
  readonly signal: AbortSignal
}

export interface Split {
  readonly train: Blob & { readonly rows: number }
  readonly test: Blob & { readonly rows: number }
  /** Every row up to it is for training, every later one for the test. */
  readonly until: string
}

const dayMs = 86_400_000

/** Reads the rule from a task's parameters. Throws `invalid` unless there is exactly one, and in its range. */
export function splitRule({ testDays, testShare }: Readonly<Record<string, unknown>>): SplitRule {
  const refuse = (field: string, value: unknown, allowed: string): TrainyardError =>
    invalid('The rows cannot be split so.', [{ field, value, allowed }])
  if ((testDays === undefined) === (testShare === undefined))
    throw refuse('params', undefined, 'either testDays or testShare')
  if (testDays === undefined) {
    if (typeof testShare === 'number' && testShare > 0 && testShare < 1) return { testShare }
    throw refuse('params.testShare', testShare, 'a share between 0 and 1')
  }
  if (typeof testDays === 'number' && testDays > 0 && testDays < 100_000) return { testDays }
  throw refuse('params.testDays', testDays, 'a positive number of days')
}

/**
 * Splits a training set by time: what the test has happened after all that was learned from. Rows of one instant stay
 * together. Throws `invalid` when one part would be empty.
 */
export async function split(deps: FeatureDeps, { set, key, rule, format, signal }: Splitting): Promise<Split> {
  const { duckdb, blobs, workFolder } = deps
  const setup = `create temp view rows as select * from read_parquet(${literal(await blobs.path(set.digest))})`
  const time = identifier(eventTime)
  const [row] = await duckdb.query([setup, boundary(rule)], signal)
  const [until, train, test] = [textOf(row!['until']), Number(row!['train']), Number(row!['test'])]
  if (train === 0 || test === 0) {
    const [from, to] = [textOf(row!['from']), textOf(row!['to'])]
    throw invalid(`A split needs rows on both sides; this one has ${train} for training and ${test} for the test.`, [
      {
        field: 'params',
        value: rule,
        allowed: `less than the ${set.rows} rows, which reach from ${from} to ${to}, in more than one instant`,
      },
    ])
  }
  const folder = await temporary(workFolder)
  try {
    const columns = [key, eventTime, ...set.features, label].map(name =>
      name === eventTime && format === 'csv' ? `${iso(time)} as ${time}` : identifier(name),
    )
    const write = async (name: string, test: string): Promise<Blob> => {
      const path = join(folder, name)
      await duckdb.query(
        [
          setup,
          `copy (select ${columns.join(', ')} from rows where ${test} order by rows.${time}, rows.${identifier(key)}) to ${literal(path)} (${formatSql[format]})`,
        ],
        signal,
      )
      return blobs.putFile(path)
    }
    const border = `rows.${time} <= timestamp ${literal(until)}`
    const parts = {
      train: { ...(await write('train', border)), rows: train },
      test: { ...(await write('test', `not ${border}`)), rows: test },
      until,
    }
    await checkLeak(deps, { setup, border, key, signal })
    return parts
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const iso = (time: string): string => `strftime(${time}, '%Y-%m-%dT%H:%M:%S.%gZ')`

/** SQL: the last instant of the training part, and how many rows lie on either side. */
function boundary(rule: SplitRule): string {
  const until =
    'testDays' in rule
      ? `(select max(event_time) - to_milliseconds(${Math.round(rule.testDays * dayMs)}) from rows)`
      : `(select event_time from rows order by event_time limit 1 offset (select greatest(0, count(*) - 1 - round(count(*) * ${rule.testShare}))::bigint from rows))`
  return `select ${iso('until')} as until, count(*) filter (event_time <= until) as train, count(*) filter (event_time > until) as test, ${iso('min(event_time)')} as from, ${iso('max(event_time)')} as to from rows, (select ${until} as until) group by until`
}

/** A wrong split would make every later number a lie: looked at once more, in the data itself. */
async function checkLeak(
  { duckdb }: FeatureDeps,
  { setup, border, key, signal }: { setup: string; border: string; key: string; signal: AbortSignal },
): Promise<void> {
  const id = `(${identifier(key)}, ${identifier(eventTime)})`
  const [row] = await duckdb.query(
    [
      setup,
      `select (select max(event_time) from rows where ${border}) >= (select min(event_time) from rows where not (${border})) as overlap,
         (select count(*) from (select ${id} from rows where ${border} intersect select ${id} from rows where not (${border}))) as shared`,
    ],
    signal,
  )
  if (row!['overlap'] === false && row!['shared'] === 0) return
  throw new TrainyardError('data_broken', 'The test rows are not all later than the training rows.', { violations: [] })
}
