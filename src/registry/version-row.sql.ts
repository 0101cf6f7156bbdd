import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import type { Content, ModelVersion, Stage, Transition } from './model-version.ts'
import type { VersionDraft } from './store.ts'
import type { RegistryTables } from './tables.ts'

export type Reader = Kysely<RegistryTables> | Transaction<RegistryTables>

/** Every version with the names of its model. */
export const selectVersions = (reader: Reader) =>
  reader
    .selectFrom('registry_version')
    .innerJoin('registry_model', 'registry_model.id', 'registry_version.model_id')
    .selectAll('registry_version')
    .select(['registry_model.project', 'registry_model.name', 'registry_model.full_name'])

export type VersionRow = Selectable<RegistryTables['registry_version']> &
  Pick<Selectable<RegistryTables['registry_model']>, 'project' | 'name' | 'full_name'>

/** Versions with all that is said of them, in three statements for all of them. */
export async function completeVersions(reader: Reader, rows: readonly VersionRow[]): Promise<readonly ModelVersion[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const moves = await reader
    .selectFrom('registry_transition')
    .selectAll()
    .where('version', 'in', ids)
    .orderBy('id')
    .execute()
  const aliases = await reader
    .selectFrom('registry_alias')
    .select(['version', 'alias'])
    .where('version', 'in', ids)
    .orderBy('alias')
    .execute()
  const [movesOf, aliasesOf] = [Map.groupBy(moves, row => row.version), Map.groupBy(aliases, row => row.version)]
  return (await taggedVersions(reader, rows)).map(version => ({
    ...version,
    transitions: (movesOf.get(version.id) ?? []).map(fromMoveRow),
    aliases: (aliasesOf.get(version.id) ?? []).map(({ alias }) => alias),
  }))
}

/** A statement has 32,766 parameters at most on SQLite. */
const idsMax = 10_000

/** Versions with their tags, and without aliases and transitions: what lists show. */
export async function taggedVersions(reader: Reader, rows: readonly VersionRow[]): Promise<readonly ModelVersion[]> {
  const tags = new Map<string, Record<string, string>>()
  for (let start = 0; start < rows.length; start += idsMax) {
    const ids = rows.slice(start, start + idsMax).map(({ id }) => id)
    const found = await reader
      .selectFrom('registry_version_tag')
      .selectAll()
      .where('version', 'in', ids)
      .orderBy('key')
      .execute()
    for (const { version, key, value } of found) {
      const own = tags.get(version) ?? {}
      own[key] = value
      tags.set(version, own)
    }
  }
  return rows.map(row => fromRow(row, tags.get(row.id) ?? {}))
}

export const toRow = (
  { key, id, stage, content, source, description, user, createdAt, ...draft }: VersionDraft,
  place: { model: string; version: number },
): RegistryTables['registry_version'] => ({
  id,
  key: key ?? null,
  model_id: place.model,
  version: place.version,
  stage,
  content,
  digest: draft.digest ?? null,
  bytes: draft.bytes ?? null,
  flavor: draft.flavor ?? null,
  source,
  signature: draft.signature ? JSON.stringify(draft.signature) : null,
  input_example: draft.inputExample ?? null,
  evaluation: draft.evaluation ? JSON.stringify(draft.evaluation) : null,
  training_set: draft.trainingSet ?? null,
  run: draft.run ?? null,
  tracking_run: draft.trackingRun ?? null,
  logged_model: draft.loggedModel ?? null,
  run_link: draft.runLink ?? null,
  code: draft.code ?? null,
  commit_id: draft.commit ?? null,
  environment: draft.environment ?? null,
  description,
  user_name: user,
  created_at: createdAt,
  updated_at: createdAt,
  deleted_at: null,
})

function fromRow(row: VersionRow, tags: Readonly<Record<string, string>>): ModelVersion {
  return {
    id: row.id as ModelVersion['id'],
    project: row.project,
    model: row.name,
    fullName: row.full_name,
    version: row.version,
    stage: row.stage as Stage,
    content: row.content as Content,
    ...(row.digest !== null && { digest: row.digest as Digest }),
    ...(row.bytes !== null && { bytes: row.bytes }),
    ...(row.flavor !== null && { flavor: row.flavor }),
    source: row.source,
    ...(row.signature !== null && { signature: JSON.parse(row.signature) }),
    ...(row.input_example !== null && { inputExample: row.input_example }),
    ...(row.evaluation !== null && { evaluation: JSON.parse(row.evaluation) }),
    ...(row.training_set !== null && { trainingSet: row.training_set }),
    ...(row.run !== null && { run: row.run }),
    ...(row.tracking_run !== null && { trackingRun: row.tracking_run }),
    ...(row.logged_model !== null && { loggedModel: row.logged_model }),
    ...(row.run_link !== null && { runLink: row.run_link }),
    ...(row.code !== null && { code: row.code as Digest }),
    ...(row.commit_id !== null && { commit: row.commit_id }),
    ...(row.environment !== null && { environment: row.environment }),
    description: row.description,
    tags: { ...tags },
    aliases: [],
    user: row.user_name,
    transitions: [],
    createdAt: row.created_at as Millis,
    updatedAt: row.updated_at as Millis,
    ...(row.deleted_at !== null && { deletedAt: row.deleted_at as Millis }),
  }
}

const fromMoveRow = (row: Selectable<RegistryTables['registry_transition']>): Transition => ({
  id: row.id,
  from: row.from_stage as Stage,
  to: row.to_stage as Stage,
  actor: row.actor,
  reason: row.reason,
  ...(row.digest !== null && { digest: row.digest as Digest }),
  at: row.at as Millis,
})
