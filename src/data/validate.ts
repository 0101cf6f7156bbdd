import { crashPoint } from '#kernel/crash-point.ts'
import { identifier, type Value } from '#storage'
import { checkColumns, checkRowCount, learnContract, type Contract, type Violation } from './contract.ts'
import type { DatasetVersion } from './dataset-version.ts'
import { contractBroken, contractKept } from './events.ts'
import { orderOf, type DataDeps, type Declared } from './ingest.ts'
import { numbered, profileRows } from './profile.ts'
import { textOf } from './text.ts'

/**
 * Judges a version: its key, then the contract of its source, on all rows and again on those that are new since the
 * last version that kept it: a bad month drowns in four good years. The first version that is sound teaches the
 * contract. The verdict and its event are written together, once for each key.
 */
export async function validate(
  deps: DataDeps,
  declared: Declared,
  version: DatasetVersion,
  { key, run }: { key: string; run?: string | undefined },
): Promise<readonly Violation[]> {
  const { store, outbox, clock } = deps
  const { project, source } = version
  const { contract } = await store.source(project, source)
  const violations = [
    ...(await keyViolations(deps, declared, version)),
    ...(contract ? await contractViolations(deps, declared, version, declaredTypes(contract, declared)) : []),
  ]
  const isKept = violations.length === 0
  const learned = learnContract(version.columns, { key: declared.spec.key })
  const evidence = {
    version: version.id,
    rows: version.rows,
    at: clock.now(),
    actor: 'trainyard',
    reason: 'The first version of the source.',
  }
  crashPoint('data.judged')
  await store.transaction(async tx => {
    const isNew = await store.judge(tx, version.id, { verdict: isKept ? 'kept' : 'broken', violations, key })
    if (isKept && !contract) await store.setContract(tx, { project, source }, { ...learned, evidence })
    if (!isNew) return
    const about = { source, version: version.id, ...(run === undefined ? {} : { run }) }
    if (isKept) await outbox.emit(tx, contractKept, { project, data: about })
    else await outbox.emit(tx, contractBroken, { project, data: { ...about, violations } })
  })
  return violations
}

/** What is declared goes before what was learned: expectations on a column of another type say nothing any more. */
const declaredTypes = (contract: Contract, { spec }: Declared): Contract => ({
  ...contract,
  columns: contract.columns.map(expectation => {
    const type = spec.columns[expectation.column]
    return type === undefined || type === expectation.type
      ? expectation
      : { column: expectation.column, type, missingMax: 1 }
  }),
})

async function contractViolations(
  deps: DataDeps,
  declared: Declared,
  version: DatasetVersion,
  contract: Contract,
): Promise<Violation[]> {
  const { store, blobs, duckdb } = deps
  const all = `create temp view rows as ${numbered(await blobs.path(version.digest))}`
  const whole = await located(deps, [all], checkColumns(contract, version.columns), contract)
  const violations = [...checkRowCount(contract, version.rows), ...whole]

  const before = await store.latestKept(version.project, version.source, version.version)
  if (!before) return violations
  const setup = [all.replace('view rows', 'view every_row'), newRows(await blobs.path(before.digest), before, version)]
  const profile = await profileRows(duckdb, setup, orderOf(declared.spec))
  if (profile.length === 0 || profile[0]!.count === 0) return violations
  const known = new Set(violations.map(({ column, rule }) => `${rule} ${column}`))
  const part = checkColumns(contract, profile).filter(
    ({ column, rule }) => !known.has(`${rule} ${column}`) && rule !== 'column_missing',
  )
  const news = await located(deps, setup, part, contract)
  return [
    ...violations,
    ...news.map(violation => ({
      ...violation,
      found: `${violation.found}, among the ${profile[0]!.count} rows that are new`,
    })),
  ]
}

/** Rows that the version before does not have as they are: added ones, and changed ones. */
function newRows(path: string, before: DatasetVersion, version: DatasetVersion): string {
  const columns = version.columns.map(column => column.name)
  const shared = before.columns.map(column => column.name).filter(name => columns.includes(name))
  const same = shared.map(name => `kept.${identifier(name)} is not distinct from every_row.${identifier(name)}`)
  return `create temp view rows as select * from every_row anti join (${numbered(path)}) kept on ${same.join(' and ')}`
}

/** Adds how many rows break a range, and the first that breaks each rule of values. */
async function located(
  { duckdb }: DataDeps,
  setup: readonly string[],
  violations: readonly Violation[],
  contract: Contract,
): Promise<Violation[]> {
  const found: Violation[] = []
  for (const violation of violations) {
    const expectation = contract.columns.find(each => each.column === violation.column)
    const { min, max } = expectation ?? {}
    if (violation.rule !== 'range' || min === undefined || max === undefined) {
      found.push(violation)
      continue
    }
    const column = identifier(violation.column)
    const test = `${column} < ${min} or ${column} > ${max}`
    const [row] = await duckdb.query([
      ...setup,
      `select count(*) as n, min_by(${column}, __row) as value, min(__row) + 1 as row from rows where ${test}`,
    ])
    const text = `${textOf(row!['value'])} in row ${textOf(row!['row'])}${Number(row!['n']) > 1 ? `, and ${Number(row!['n']) - 1} more rows outside` : ''}`
    found.push({ ...violation, found: text, rows: Number(row!['n']) })
  }
  return found
}

/** The key of the source: no part of it missing, no two rows alike. */
async function keyViolations(
  { blobs, duckdb }: DataDeps,
  { spec }: Declared,
  version: DatasetVersion,
): Promise<Violation[]> {
  if (spec.key.length === 0) return []
  const setup = `create temp view rows as ${numbered(await blobs.path(version.digest))}`
  const key = spec.key.map(identifier)
  const missing = spec.key.map((_, index) => `count(*) filter (${key[index]!} is null) as m${index}`)
  const [counts] = await duckdb.query([setup, `select ${missing.join(', ')} from rows`])
  const absent = spec.key.flatMap((column, index): Violation[] => {
    const rows = Number(counts![`m${index}`])
    return rows === 0
      ? []
      : [
          {
            column,
            rule: 'missing_share',
            found: `missing in ${rows} rows`,
            allowed: 'a value in every row: it is part of the key',
            rows,
          },
        ]
  })
  const groups = `select ${key.join(', ')}, count(*) as n, min(__row) + 1 as first, max(__row) + 1 as last from rows where ${key.map(each => `${each} is not null`).join(' and ')} group by ${key.join(', ')} having count(*) > 1`
  const [twice] = await duckdb.query([
    setup,
    `select sum(n - 1) as rows, min_by(concat_ws(', ', ${key.join(', ')}), first) as key, min(first) as first, min_by(last, first) as last from (${groups})`,
  ])
  if (twice!['rows'] === null) return absent
  return [...absent, duplicates(spec.key, twice as Record<string, Value>)]
}

const duplicates = (key: readonly string[], { rows, key: value, first, last }: Record<string, Value>): Violation => ({
  column: key.join(', '),
  rule: 'duplicate_key',
  found: `${textOf(value)} in rows ${textOf(first)} and ${textOf(last)}; ${textOf(rows)} rows repeat a key`,
  allowed: 'each key once',
  rows: Number(rows),
})
