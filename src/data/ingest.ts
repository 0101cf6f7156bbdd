import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import type { ColumnType, Projects, Revision, SourceSpec } from '#project'
import type { Secrets } from '#secrets'
import type { AnyTx, Blobs, Duckdb, Outbox } from '#storage'
import type { Contract, Violation } from './contract.ts'
import type { DatasetVersion } from './dataset-version.ts'
import { contractBroken, versionAdded } from './events.ts'
import { profileParquet, type RowOrder } from './profile.ts'
import { rawData, type RawData } from './raw-data.ts'
import { readRows, type Expected, type TypedRows } from './read-rows.ts'
import type { DataStore } from './store.ts'

/** What this component needs. */
export interface DataDeps {
  readonly store: DataStore
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly projects: Pick<Projects, 'current' | 'revision' | 'list'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly clock: Clock
  readonly secrets: Pick<Secrets, 'use'>
  /** Folder for temporary files. */
  readonly workFolder: string
}

/** A declared source, as a revision of its project declares it. */
export interface Declared {
  readonly revision: Revision
  readonly source: string
  readonly spec: SourceSpec
}

/** Throws `not_found` for a source that the revision does not declare. */
export function declaredSource(revision: Revision, source: string): Declared {
  const spec = revision.spec.sources[source]
  if (!spec) throw notFound('source', `${revision.project}/${source}`)
  return { revision, source, spec }
}

/**
 * Reads what the source has now into an immutable version. Equal rows are the same version, whoever asks and however
 * often. Broken data throws and leaves no version behind; when its content is broken, the contract is announced broken.
 */
export async function ingest(
  deps: DataDeps,
  declared: Declared,
  { run, signal }: { run?: string | undefined; signal: AbortSignal },
): Promise<{ version: DatasetVersion; added: boolean }> {
  await mkdir(deps.workFolder, { recursive: true })
  const folder = await mkdtemp(join(deps.workFolder, 'ingest-'))
  try {
    const raw = await rawData({
      ...declared,
      blobs: deps.blobs,
      store: deps.store,
      secrets: deps.secrets,
      folder,
      signal,
    })
    const expected = await expectedColumns(deps, declared)
    const rows = await readRows({
      duckdb: deps.duckdb,
      raw: { ...raw, name: declared.source },
      expected,
      folder,
      signal,
    })
    return await keep(deps, declared, { raw, rows, run })
  } catch (error) {
    if (error instanceof TrainyardError && error.code === 'data_broken') await announce(deps, declared, error, run)
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function expectedColumns({ store }: DataDeps, { revision, source, spec }: Declared): Promise<Expected> {
  const { contract } = await store.source(revision.project, source)
  return { declared: spec.columns, learned: typesOf(contract), required: requiredColumns(spec) }
}

/** Columns without which the source cannot be what it is declared to be. */
export const requiredColumns = ({ columns, key, eventTime }: SourceSpec): string[] => [
  ...new Set([...Object.keys(columns), ...key, ...(eventTime === undefined ? [] : [eventTime])]),
]

const typesOf = (contract: Contract | undefined): Record<string, ColumnType> =>
  Object.fromEntries(contract?.columns.map(({ column, type }) => [column, type as ColumnType]) ?? [])

/** The sequence in which a source's rows became true: each entity by itself, by its event time. */
export const orderOf = ({ key, eventTime }: SourceSpec): RowOrder =>
  eventTime === undefined ? {} : { by: eventTime, within: key.filter(column => column !== eventTime) }

interface Read {
  readonly raw: RawData
  readonly rows: TypedRows
  readonly run: string | undefined
}

async function keep(
  deps: DataDeps,
  declared: Declared,
  { raw, rows, run }: Read,
): Promise<{ version: DatasetVersion; added: boolean }> {
  const { store, blobs, duckdb, clock } = deps
  const { revision, source, spec } = declared
  const { digest, size } = await blobs.putFile(rows.path)
  const latest = await store.latest(revision.project, source)
  if (latest?.digest === digest) return { version: latest, added: false }
  const columns = await profileParquet(duckdb, rows.path, orderOf(spec))
  crashPoint('data.stored')
  const draft = {
    id: newId<'dataset_version'>('dsv'),
    project: revision.project,
    source,
    digest,
    raw: raw.digest,
    origin: raw.origin,
    rows: rows.rows,
    bytes: size,
    columns,
    verdict: 'unchecked' as const,
    violations: [],
    ...(run === undefined ? {} : { run }),
    createdAt: clock.now(),
  }
  return store.transaction(async tx => {
    const appended = await store.append(tx, draft)
    if (appended.added) await record(deps, tx, revision, appended.version)
    return appended
  })
}

async function record(
  { ledger, outbox }: DataDeps,
  tx: AnyTx,
  revision: Revision,
  version: DatasetVersion,
): Promise<void> {
  const { id, project, source, rows, raw, origin, digest, version: number } = version
  const rawId = `raw_${project}_${raw!}`
  await ledger.record(tx, {
    id: rawId,
    kind: 'raw_data',
    label: `${source} from ${origin}`,
    project,
    facts: { digest: raw!, origin },
  })
  await ledger.record(tx, {
    id,
    kind: 'dataset_version',
    label: `${source} ${number}`,
    project,
    facts: { digest, rows, source },
  })
  await ledger.link(tx, { from: id, to: rawId, relation: 'read from' })
  await ledger.link(tx, { from: id, to: revision.id, relation: 'declared by' })
  await outbox.emit(tx, versionAdded, { project, data: { source, version: id, number, rows } })
}

async function announce(
  { store, outbox }: DataDeps,
  { revision, source }: Declared,
  error: TrainyardError,
  run: string | undefined,
): Promise<void> {
  const violations = error.detail['violations'] as Violation[]
  const data = { source, violations, ...(run === undefined ? {} : { run }) }
  await store.transaction(tx => outbox.emit(tx, contractBroken, { project: revision.project, data }))
}
