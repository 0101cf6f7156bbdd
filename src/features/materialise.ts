import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crashPoint } from '#kernel/crash-point.ts'
import type { Millis } from '#kernel/clock.ts'
import { textOf } from '#data'
import { identifier, literal, type Row } from '#storage'
import { temporary, type FeatureDeps } from './compute.ts'
import { materialised } from './events.ts'
import { eventTime, featuresOf, type FeatureVersion } from './feature-version.ts'
import type { FeatureRow, FeatureValue, OnlineState } from './online-store.ts'

export interface Materialisation {
  readonly version: FeatureVersion
  /** The column of the entity key. */
  readonly key: string
  readonly retentionMs: number
  /** The same at every attempt of the same work. */
  readonly token: string
  readonly signal: AbortSignal
}

export interface Outcome {
  /** Written. */
  readonly rows: number
  readonly to: Millis
  /** `overtaken`: somebody else began to write while this one did; it must be done again. */
  readonly how: 'whole' | 'changes' | 'nothing' | 'older' | 'overtaken'
}

const pageRows = 10_000

/**
 * Makes the online store answer from this version. Only what differs from the version that is there is written, new rows
 * and late corrections; all of it when rows are gone, when the columns or the retention changed, or when a process died
 * while it was writing. An older version than the one that is there changes nothing.
 */
export async function materialise(deps: FeatureDeps, work: Materialisation): Promise<Outcome> {
  const { version } = work
  const before = await deps.online.state(version)
  const outcome = await bringUp(deps, work, before)
  if (outcome.how !== 'overtaken') await announce(deps, work, outcome)
  return outcome
}

async function bringUp(deps: FeatureDeps, work: Materialisation, before: OnlineState | undefined): Promise<Outcome> {
  const { version, retentionMs, token } = work
  const to = version.to!
  if (before && before.number > version.version) return { rows: 0, to: before.to, how: 'older' }
  if (before?.version === version.id && before.retentionMs === retentionMs && !before.isPending) {
    return { rows: 0, to, how: 'nothing' }
  }
  const base = before && (await comparable(deps, work, before))
  await deps.online.begin(version, token)
  const rows = await writeRows(deps, work, await rowsToWrite(deps, work, base))
  crashPoint('features.written')
  if (base) await deps.online.prune(version, (to - retentionMs) as Millis)
  else await deps.online.removeOthers(version, version.id)
  const isOurs = await deps.online.finish(version, token, {
    version: version.id,
    number: version.version,
    to,
    retentionMs,
  })
  return { rows, to, how: !isOurs ? 'overtaken' : base ? 'changes' : 'whole' }
}

/**
 * The version that is there, when all of it is still true or was corrected in place: its rows are whole, of the same kind,
 * and none of them is gone.
 */
async function comparable(
  deps: FeatureDeps,
  work: Materialisation,
  before: OnlineState,
): Promise<FeatureVersion | undefined> {
  const { version, retentionMs, key, signal } = work
  if (before.isPending || before.retentionMs !== retentionMs || before.to > version.to!) return undefined
  const base = await deps.store.find(before.version as FeatureVersion['id'])
  if (!base || JSON.stringify(base.columns) !== JSON.stringify(version.columns)) return undefined
  const gone = notIn({ rows: await rowsOf(deps, base), others: await rowsOf(deps, version), columns: [key, eventTime] })
  const [row] = await deps.duckdb.query([`select count(*) as n from (${gone})`], signal)
  return row!['n'] === 0 ? base : undefined
}

const rowsOf = async ({ blobs }: FeatureDeps, { digest }: FeatureVersion): Promise<string> =>
  `select * from read_parquet(${literal(await blobs.path(digest))})`

async function rowsToWrite(
  deps: FeatureDeps,
  work: Materialisation,
  base: FeatureVersion | undefined,
): Promise<string> {
  const rows = await keptRows(deps, work)
  if (!base) return rows
  return notIn({ rows, others: await rowsOf(deps, base), columns: work.version.columns.map(column => column.name) })
}

/** SQL: the rows that have no equal among the others. */
function notIn({ rows, others, columns }: { rows: string; others: string; columns: readonly string[] }): string {
  const equal = columns.map(name => `mine.${identifier(name)} is not distinct from other.${identifier(name)}`)
  return `select mine.* from (${rows}) mine anti join (${others}) other on ${equal.join(' and ')}`
}

/** SQL: what reads from the retention's beginning on can ask for: the rows since then, and of each key the last before. */
async function keptRows(deps: FeatureDeps, { key, retentionMs, version }: Materialisation): Promise<string> {
  const isRecent = `epoch_ms(${identifier(eventTime)}) > ${version.to! - retentionMs}`
  const isLast = `row_number() over (partition by ${identifier(key)}, ${isRecent} order by ${identifier(eventTime)} desc) = 1`
  return `${await rowsOf(deps, version)} qualify ${isRecent} or ${isLast}`
}

/** Computes the rows once, into a file, and carries them over page by page. */
async function writeRows(
  { duckdb, online, workFolder }: FeatureDeps,
  { version, key, signal }: Materialisation,
  query: string,
): Promise<number> {
  const features = featuresOf(version, key)
  const folder = await temporary(workFolder)
  try {
    const path = literal(join(folder, 'rows.parquet'))
    const columns = [
      `${identifier(key)} as __key`,
      `epoch_ms(${identifier(eventTime)}) as __at`,
      ...features.map(identifier),
    ]
    await duckdb.query(
      [`copy (select ${columns.join(', ')} from (${query}) order by 2, 1) to ${path} (format parquet)`],
      signal,
    )
    for (let from = 0; ; from += pageRows) {
      signal.throwIfAborted()
      const range = `file_row_number >= ${from} and file_row_number < ${from + pageRows}`
      const page = `select * from read_parquet(${path}, file_row_number=true) where ${range} order by file_row_number`
      const rows = await duckdb.query([page], signal)
      await online.write(
        version,
        version.id,
        rows.map(row => toFeatureRow(row, features)),
      )
      if (rows.length < pageRows) return from + rows.length
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const toFeatureRow = (row: Row, features: readonly string[]): FeatureRow => ({
  key: textOf(row['__key']),
  eventTime: row['__at'] as Millis,
  values: Object.fromEntries(features.map(name => [name, row[name] as FeatureValue])),
})

async function announce(
  { store, outbox }: FeatureDeps,
  { version, token }: Materialisation,
  { rows, to }: Outcome,
): Promise<void> {
  const { project, view, id } = version
  await store.transaction(async tx => {
    const isNew = await store.announce(tx, { project, view }, token)
    if (isNew) await outbox.emit(tx, materialised, { project, data: { view, version: id, to, rows } })
  })
}
