import { join } from 'node:path'
import { columnType, textOf, type DatasetVersion } from '#data'
import type { ProjectFile } from '#project'
import { identifier, literal } from '#storage'
import type { FeatureDeps } from './compute.ts'
import { eventTime, label as labelColumn } from './feature-version.ts'
import { checkCarried, requestSelect, requireRequestColumns } from './label-columns.ts'
import type { PlannedColumn } from './request-plan.ts'
import { relationOf, runRules, unfit, type Rules } from './rules.ts'
import { wholeMillis } from './view-columns.ts'

export interface Asking {
  readonly dataset: DatasetVersion
  readonly spec: ProjectFile
  /** The label's file. */
  readonly rules: Rules
  /** The column of the entity key. */
  readonly key: string
  /** What requests bring, and so do the label's rows. */
  readonly carried: readonly PlannedColumn[]
  /** For temporary files. */
  readonly folder: string
  readonly signal: AbortSignal
}

/**
 * The label's rows as a Parquet file: `__row`, `__key`, `__time`, `label`, what requests bring (`carriedColumn`); those without a label are counted and left out.
 * Throws `invalid` when the file's SQL is refused, or answers something else than labels, each key once at a time.
 */
export async function askedRows(
  { duckdb, blobs }: FeatureDeps,
  { dataset, spec, rules, key, carried, folder, signal }: Asking,
): Promise<{ path: string; unlabelled: number }> {
  const source = `create temp view source as select * from read_parquet(${literal(await blobs.path(dataset.digest))})`
  const answered = `create temp table answered as select * from ${relationOf(rules)}`
  const raw = literal(join(folder, 'answered.parquet'))
  const stages = [{ rules, setup: [source, answered] }]
  const described = await runRules(
    duckdb,
    [source, answered, `copy answered to ${raw} (format parquet)`, 'describe answered'],
    stages,
    signal,
  )
  const types = new Map(described.map(row => [textOf(row['column_name']), columnType(textOf(row['column_type']))]))
  for (const name of [key, eventTime, labelColumn, 'known_at']) {
    if (!types.has(name)) throw unfit(rules.path, name, `a column ${name}; it answers ${[...types.keys()].join(', ')}`)
  }
  if (!['timestamp', 'date'].includes(types.get(eventTime) ?? ''))
    throw unfit(rules.path, eventTime, 'a timestamp or date')
  const target = types.get(labelColumn)
  if (target === undefined || !['boolean', 'integer', 'number'].includes(target))
    throw unfit(rules.path, labelColumn, `a number or boolean, not ${target ?? 'this type'}`)
  requireRequestColumns(rules.path, carried, types)
  const value =
    target === 'boolean'
      ? `cast(${labelColumn} as bigint)`
      : `cast(${labelColumn} as ${target === 'integer' ? 'bigint' : 'double'})`
  const typed = `create temp view asked as select cast(${identifier(key)} as varchar) as __key, ${wholeMillis(eventTime, 'floor')} as __time, ${[`${value} as label`, ...requestSelect(carried)].join(', ')} from read_parquet(${raw})`
  const unlabelled = await checkAsked([typed], { duckdb, path: rules.path, spec, signal })
  await checkCarried(duckdb, { typed, carried, path: rules.path, signal })
  const path = join(folder, 'asked.parquet')
  await duckdb.query(
    [
      typed,
      `copy (select row_number() over (order by __time, __key) as __row, * from asked where label is not null) to ${literal(path)} (format parquet)`,
    ],
    signal,
  )
  return { path, unlabelled }
}

interface Checking extends Pick<FeatureDeps, 'duckdb'> {
  readonly path: string
  readonly spec: ProjectFile
  readonly signal: AbortSignal
}

async function checkAsked(setup: readonly string[], { duckdb, path, spec, signal }: Checking): Promise<number> {
  const learnable =
    spec.objective.task === 'binary_classification' ? 'label in (0, 1)' : 'isfinite(cast(label as double))'
  const labelled = 'label is not null'
  const [row] = await duckdb.query(
    [
      ...setup,
      `select count(*) filter (label is null) as unlabelled, count(*) filter (${labelled} and (__key is null or __time is null)) as unknown,
         count(*) filter (${labelled} and not ${learnable}) as wrong, min(cast(label as varchar)) filter (${labelled} and not ${learnable}) as example,
         count(*) filter (${labelled}) - count(distinct (__key, __time)) filter (${labelled}) as repeated from asked`,
    ],
    signal,
  )
  const { unlabelled, unknown, wrong, example, repeated } = row!
  if (unknown !== 0) throw unfit(path, `key, ${eventTime}`, `a value in every row; ${textOf(unknown)} rows have none`)
  if (wrong !== 0)
    throw unfit(
      path,
      labelColumn,
      `${spec.objective.task === 'binary_classification' ? '0 or 1' : 'a finite number'}, or NULL when it is not known; ${textOf(wrong)} rows have others, such as ${textOf(example)}`,
    )
  if (repeated !== 0)
    throw unfit(path, `key, ${eventTime}`, `one row for a key and an event time; ${textOf(repeated)} rows repeat one`)
  return Number(unlabelled)
}
