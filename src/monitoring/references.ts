import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { TrainyardError } from '#kernel/error.ts'
import { canonicalJson } from '#kernel/json.ts'
import { scoreOutput, type EvaluatedVersion } from '#registry'
import { identifier, literal, type Blobs, type Db, type Duckdb, type Row } from '#storage'
import { isMissing, type Cell, type Frame } from './frame.ts'
import type { Models, TrainingSet, TrainingSets } from './ports.ts'
import { normalisedImportance, referenceRowsMax, type Reference } from './reference.ts'
import type { KeptReference, MonitorStore } from './store.ts'

/** The references of revisions: made once from lineage, kept as blobs. */
export interface References {
  /**
   * The reference of a revision, made now when it is asked for the first time; undefined when no training set is known.
   */
  of(revision: { id: string; deployment: string; project: string; version: string }): Promise<Reference | undefined>
}

export interface ReferenceParts {
  readonly db: Db
  readonly store: MonitorStore
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly features: TrainingSets
  readonly registry: Models
  readonly clock: Clock
}

const cachedMax = 4

export function createReferences(parts: ReferenceParts): References {
  const { db, store, blobs, clock } = parts
  const cache = new Map<string, Reference>()

  /** Parsed references of the deployments at hand: the oldest makes room. */
  async function load(digest: string): Promise<Reference> {
    const known = cache.get(digest) ?? (JSON.parse((await blobs.bytes(digest as Digest)).toString()) as Reference)
    cache.delete(digest)
    cache.set(digest, known)
    for (const oldest of [...cache.keys()].slice(0, Math.max(0, cache.size - cachedMax))) cache.delete(oldest)
    return known
  }

  return {
    async of({ id, deployment, project, version }) {
      const kept = await store.findReference(id)
      if (kept) return kept.digest === undefined ? undefined : load(kept.digest)
      const made = await buildReference(parts, project, await parts.registry.evaluated(version))
      const digest = made.reference && (await blobs.put(canonicalJson(made.reference))).digest
      const row: KeptReference = { revision: id, deployment, version, digest, text: made.text }
      await db.transaction().execute(tx => store.putReference(tx, row, clock.now()))
      return made.reference
    },
  }
}

async function buildReference(
  parts: ReferenceParts,
  project: string,
  version: EvaluatedVersion,
): Promise<{ reference: Reference | undefined; text: string }> {
  if (version.trainingSet === undefined)
    return { reference: undefined, text: 'no training set is known for this version' }
  const set = await parts.features.trainingSet(version.trainingSet)
  const { entityKey: entity } = await parts.features.resolveService(project, set.service)
  const rows = await sampleRows(parts, { set, version, entity })
  const features = Object.keys(rows.features)
  const scored = await scoreRows(parts.registry, version, rows)
  const source = `training set ${set.id} (${set.rows} rows${scored.note})`
  const { metrics, from, to, importance } = version.evaluation
  const reference: Reference = {
    frame: { ...rows, score: scored.score },
    rows: set.rows,
    source,
    entity,
    importance: normalisedImportance(features, importance),
    evaluation: { metrics, ...(from !== undefined && { from }), ...(to !== undefined && { to }) },
  }
  return { reference, text: source }
}

/**
 * Rows of the training set, by event time: all, or the 20 000 whose key and time hash lowest, which is a sample that
 * is the same every time.
 */
async function sampleRows(
  { blobs, duckdb }: ReferenceParts,
  { set, version, entity }: { set: TrainingSet; version: EvaluatedVersion; entity: string },
): Promise<Frame> {
  const file = `read_parquet(${literal(await blobs.path(set.digest))})`
  const columns = new Set<string>(
    (await duckdb.query([`describe select * from ${file}`])).map(row => row['column_name'] as string),
  )
  const features = version.signature.inputs.map(input => input.name).filter(name => columns.has(name))
  const key = columns.has(entity) ? `${identifier(entity)}::varchar` : 'null::varchar'
  const label = columns.has('label') ? 'try_cast(label as double)' : 'null::double'
  const rows = await duckdb.query([
    `select epoch_ms(event_time::timestamp) as "at", ${key} as "key", ${label} as "label", ${features.map(identifier).join(', ')}
       from ${file} order by hash(${key}, event_time), event_time limit ${referenceRowsMax}`,
  ])
  const sorted = rows.toSorted((a, b) => Number(a['at']) - Number(b['at']))
  return {
    at: sorted.map(row => Number(row['at'])),
    key: sorted.map(row => row['key'] as string | null),
    label: sorted.map(row => row['label'] as number | null),
    score: sorted.map(() => null),
    features: Object.fromEntries(features.map(name => [name, sorted.map(row => cellOf(row, name))])),
  }
}

const cellOf = (row: Row, name: string): Cell => {
  const value = row[name]
  return value === undefined || (typeof value === 'object' && value !== null) ? null : value
}

/** What the model says to the rows that have every feature; the others, and a model that refuses them, have no score. */
async function scoreRows(
  registry: Models,
  version: EvaluatedVersion,
  frame: Frame,
): Promise<{ score: readonly (number | null)[]; note: string }> {
  const names = Object.keys(frame.features)
  const complete = frame.at.flatMap((_, i) => (names.every(name => !isMissing(frame.features[name]![i])) ? [i] : []))
  const score: (number | null)[] = frame.at.map(() => null)
  if (complete.length === 0) return { score, note: ', none of them complete' }
  try {
    const rows = complete.map(i => Object.fromEntries(names.map(name => [name, frame.features[name]![i]!])))
    const { outputs } = await registry.score(version.id, rows)
    const answers = outputs[scoreOutput(version.signature).key] ?? []
    for (const [index, position] of complete.entries())
      score[position] = typeof answers[index] === 'number' ? answers[index] : null
    return { score, note: '' }
  } catch (error) {
    if (error instanceof TrainyardError && error.code === 'invalid') return { score, note: ', not scored' }
    throw error
  }
}
