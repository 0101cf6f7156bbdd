import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { newId } from '#kernel/id.ts'
import { textOf, type Data, type DatasetVersion } from '#data'
import type { Ledger } from '#metadata'
import type { Projects, Revision } from '#project'
import { identifier, literal, type Blobs, type Duckdb, type Outbox } from '#storage'
import { eventTime, type FeatureVersion } from './feature-version.ts'
import type { OnlineStore } from './online-store.ts'
import { readRules, recordRules, relationOf, runRules, type Rules } from './rules.ts'
import { keyOf } from './service.ts'
import type { FeatureStore } from './store.ts'
import { checkedColumns, checkRows } from './view-columns.ts'

/** What this component needs. */
export interface FeatureDeps {
  readonly store: FeatureStore
  readonly online: OnlineStore
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly projects: Pick<Projects, 'current' | 'revision' | 'file'>
  readonly data: Pick<Data, 'version'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly clock: Clock
  /** Folder for temporary files. */
  readonly workFolder: string
}

export interface Computation {
  readonly revision: Revision
  readonly view: string
  readonly dataset: DatasetVersion
  readonly run?: string | undefined
  readonly signal: AbortSignal
}

/**
 * Runs the rules of a view over a dataset version: transformation over `source`, engineering over `transformed`. The same
 * rules over the same dataset version are the same feature version. Throws `invalid` when a file is refused by DuckDB or
 * answers something else than a key, an event time and features, each row once.
 */
export async function compute(
  deps: FeatureDeps,
  computation: Computation,
): Promise<{ version: FeatureVersion; added: boolean }> {
  const { store, blobs } = deps
  const { revision, view, dataset } = computation
  const rules = await rulesOf(deps, revision, view)
  const recipe = {
    project: revision.project,
    view,
    transform: rules.transform.digest,
    engineer: rules.engineer.digest,
    dataset: dataset.id,
  }
  const known = await knownVersion(deps, recipe, dataset)
  if (known) return { version: known, added: false }

  const folder = await temporary(deps.workFolder)
  try {
    const made = await runView(deps, { ...computation, ...rules, path: join(folder, 'features.parquet') })
    const { digest } = await blobs.putFile(made.path)
    crashPoint('features.stored')
    const { from, to, rows, columns } = made
    const run = computation.run === undefined ? {} : { run: computation.run }
    const draft = {
      id: newId<'feature_version'>('ftv'),
      ...recipe,
      digest,
      rows,
      columns,
      from,
      to,
      ...run,
      createdAt: deps.clock.now(),
    }
    const version = await store.transaction(async tx => {
      const appended = await store.append(tx, draft)
      const { id, project } = appended
      await deps.ledger.record(tx, {
        id,
        kind: 'feature_version',
        label: `${view} ${appended.version}`,
        project,
        facts: { digest, rows, view },
      })
      await recordRules(deps.ledger, tx, { project, to: id, rules: [rules.transform, rules.engineer] })
      await deps.ledger.link(tx, { from: id, to: dataset.id, relation: 'computed from' })
      return appended
    })
    return { version, added: true }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function temporary(workFolder: string): Promise<string> {
  await mkdir(workFolder, { recursive: true })
  return mkdtemp(join(workFolder, 'features-'))
}

interface ViewRules {
  readonly key: string
  readonly transform: Rules
  readonly engineer: Rules
}

async function rulesOf({ projects }: FeatureDeps, revision: Revision, view: string): Promise<ViewRules> {
  const key = keyOf(revision.spec, view)
  const { transform, engineer } = revision.spec.features[view]!
  return {
    key,
    transform: await readRules(projects, revision, transform),
    engineer: await readRules(projects, revision, engineer),
  }
}

/**
 * A version that was made already: the latest one, or one of an older dataset, when an old run is resumed. Rules that
 * went back to what they were make a new version, so that the newest number is always what is meant now.
 */
async function knownVersion(
  { store, data }: FeatureDeps,
  recipe: Parameters<FeatureStore['findMade']>[0],
  dataset: DatasetVersion,
): Promise<FeatureVersion | undefined> {
  const made = await store.findMade(recipe)
  const latest = await store.latest(recipe.project, recipe.view)
  if (!made || !latest || made.id === latest.id) return made
  const newest = await data.version(latest.dataset)
  return newest.version > dataset.version ? made : undefined
}

interface Running extends Computation, ViewRules {
  /** The Parquet file that is written. */
  readonly path: string
}

type Made = Pick<FeatureVersion, 'rows' | 'columns'> & { path: string; from: Millis; to: Millis }

async function runView(deps: FeatureDeps, running: Running): Promise<Made> {
  const { duckdb, blobs } = deps
  const { dataset, transform, engineer, key, path, signal } = running
  const source = `create temp view source as select * from read_parquet(${literal(await blobs.path(dataset.digest))})`
  const transformed = `create temp table transformed as select * from ${relationOf(transform)}`
  const engineered = `create temp table engineered as select * from ${relationOf(engineer)}`
  const stages = [
    { rules: transform, setup: [source, transformed] },
    { rules: engineer, setup: [source, transformed, engineered] },
  ]
  const raw = join(path, '..', 'engineered.parquet')
  const kept = `copy engineered to ${literal(raw)} (format parquet)`
  const described = await runRules(
    duckdb,
    [source, transformed, engineered, kept, 'describe engineered'],
    stages,
    signal,
  )

  const columns = checkedColumns(
    engineer.path,
    key,
    described.map(row => ({ name: textOf(row['column_name']), type: textOf(row['column_type']) })),
  )
  const typed = `create temp view typed as select ${columns.map(column => column.select).join(', ')} from read_parquet(${literal(raw)})`
  const { rows, from, to } = await checkRows(duckdb, { typed, columns, path: engineer.path, key, signal })
  const order = `order by ${identifier(eventTime)}, ${identifier(key)}`
  await duckdb.query(
    [typed, `copy (select * from typed ${order}) to ${literal(path)} (format parquet, compression zstd)`],
    signal,
  )
  return { path, rows, from, to, columns: columns.map(({ name, type }) => ({ name, type })) }
}
