import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invalid } from '#kernel/error.ts'
import { identifier, literal, scanOf, type Duckdb, type Row } from '#storage'
import type { Column } from './onnx.ts'
import type { Tensor } from './signature.ts'

/** The rows of a test file that have every feature, ready to be read in pieces. */
export interface TestRows {
  readonly count: number
  /** Rows left out because a feature is missing or not finite: the model server would refuse them. */
  readonly incomplete: number
  readonly from: number | undefined
  readonly to: number | undefined
  /** Rows `start`, `start + step`, … below `end`: the label, a column for each input, and one for each group. */
  read(
    start: number,
    end: number,
    step?: number,
  ): Promise<{ labels: Float64Array; columns: Record<string, Column>; groups: Record<string, readonly string[]> }>
  close(): Promise<void>
}

export interface TestFile {
  readonly path: string
  readonly inputs: readonly Tensor[]
  /** Columns whose values divide the rows into groups; a missing value is the group `missing`. */
  readonly groups: readonly string[]
  readonly binary: boolean
  readonly signal?: AbortSignal | undefined
}

/** The columns of a CSV or Parquet file, by name. */
export async function testColumns(
  duckdb: Duckdb,
  path: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const rows = await duckdb.query([`describe select * from ${await scanOf(path)}`], signal)
  return Object.fromEntries(rows.map(row => [row['column_name'] as string, row['column_type'] as string]))
}

/**
 * Opens a test file with a column for each input and one named `label`. Throws `invalid` naming the column, and the row
 * where there is one: a column is missing, a text stands where a number must, the label is not 0 or 1, there are no rows.
 */
export async function openTestRows(duckdb: Duckdb, file: TestFile): Promise<TestRows> {
  const { path, inputs, groups, signal } = file
  const types = await testColumns(duckdb, path, signal)
  requireColumns([...inputs.map(({ name }) => name), ...groups, 'label'], types)
  const source = await scanOf(path)
  await requireNumbers(duckdb, source, file)
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-test-'))
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const kept = literal(join(folder, 'rows.parquet'))
    const time = 'event_time' in types ? 'epoch_ms(try_cast(event_time as timestamp))' : 'null::bigint'
    const features = [
      ...inputs.map((input, i) => `${cast(input)} as c${i}`),
      ...groups.map((name, i) => `coalesce(cast(${identifier(name)} as varchar), 'missing') as g${i}`),
    ]
    const complete = inputs
      .map(({ datatype }, i) => (datatype === 'BYTES' ? `c${i} is not null` : `isfinite(c${i})`))
      .join(' and ')
    const all = `select ${features.join(', ')}, try_cast(label as double) as y, ${time} as t from ${source}`
    await duckdb.query(
      [`copy (select row_number() over () - 1 as i, * from (${all}) where ${complete}) to ${kept} (format parquet)`],
      signal,
    )
    const [facts] = await duckdb.query(
      [
        `select count(*) as kept, min(t) as first, max(t) as last, (select count(*) from ${source}) as total from ${kept}`,
      ],
      signal,
    )
    const count = Number(facts!['kept'])
    if (count === 0)
      throw invalid('There is nothing to evaluate on.', [
        { field: 'test', value: `${Number(facts!['total'])} rows`, allowed: 'at least one row with every feature' },
      ])
    return {
      count,
      incomplete: Number(facts!['total']) - count,
      from: (facts!['first'] as number | null) ?? undefined,
      to: (facts!['last'] as number | null) ?? undefined,
      read: (start, end, step = 1) =>
        readRows(duckdb, kept, { ...file, where: `i >= ${start} and i < ${end} and (i - ${start}) % ${step} = 0` }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function requireColumns(names: readonly string[], types: Readonly<Record<string, string>>): void {
  const missing = names.filter(name => !(name in types))
  if (missing.length === 0) return
  const allowed = `a column of the test rows: ${Object.keys(types).join(', ')}`
  throw invalid(
    'The test rows do not have what the model needs.',
    missing.map(field => ({ field, allowed })),
  )
}

async function requireNumbers(duckdb: Duckdb, source: string, { inputs, binary, signal }: TestFile): Promise<void> {
  const numeric = inputs.filter(({ datatype }) => datatype !== 'BYTES').map(({ name }) => name)
  const label = binary ? 'try_cast(label as double) in (0, 1)' : 'isfinite(try_cast(label as double))'
  const wrong = [
    ...numeric.map(name => ({
      name,
      allowed: 'a number',
      bad: `${identifier(name)} is not null and try_cast(${identifier(name)} as double) is null`,
    })),
    { name: 'label', allowed: binary ? '0 or 1' : 'a finite number', bad: `not coalesce(${label}, false)` },
  ]
  const first = wrong.map(
    ({ bad }, i) => `min(case when ${bad} then i end) as r${i}, arg_min(v${i}, i) filter (where ${bad}) as x${i}`,
  )
  const values = wrong.map(({ name }, i) => `cast(${identifier(name)} as varchar) as v${i}`)
  const [found] = await duckdb.query(
    [`select ${first.join(', ')} from (select row_number() over () as i, *, ${values.join(', ')} from ${source})`],
    signal,
  )
  const problems = wrong.flatMap(({ name, allowed }, i) => {
    const row = found![`r${i}`] as number | null
    return row === null ? [] : [{ field: `row ${row}, column ${name}`, value: found![`x${i}`], allowed }]
  })
  if (problems.length > 0) throw invalid('The test rows cannot be used.', problems)
}

const cast = ({ name, datatype }: Tensor): string =>
  `try_cast(${identifier(name)} as ${datatype === 'BYTES' ? 'varchar' : 'double'})`

async function readRows(duckdb: Duckdb, kept: string, { inputs, groups, where, signal }: TestFile & { where: string }) {
  const lists = [...inputs.map((_, i) => `c${i}`), ...groups.map((_, i) => `g${i}`)].map(
    name => `list(${name} order by i) as ${name}`,
  )
  const [row] = await duckdb.query(
    [`select list(y order by i) as y, ${lists.join(', ')} from ${kept} where ${where}`],
    signal,
  )
  const columns = inputs.map(
    ({ name, datatype }, i) =>
      [name, datatype === 'BYTES' ? (row![`c${i}`] as string[]) : floats(row!, `c${i}`)] as const,
  )
  return {
    labels: floats(row!, 'y'),
    columns: Object.fromEntries(columns) as Record<string, Column>,
    groups: Object.fromEntries(groups.map((name, i) => [name, (row![`g${i}`] as string[] | null) ?? []])),
  }
}

const floats = (row: Row, name: string): Float64Array => Float64Array.from((row[name] as number[] | null) ?? [])
