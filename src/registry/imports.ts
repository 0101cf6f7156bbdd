import type { Millis } from '#kernel/clock.ts'
import { conflict, notFound, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import type { Blobs, Db } from '#storage'
import type { ImportedModel, ImportedVersion } from './import-wire.ts'
import type { ModelVersion, Stage } from './model-version.ts'
import { fullNameOf, type RegisteredModel } from './registered-model.ts'
import type { Place, RegisteredModels } from './registered-models.ts'
import type { RegisteredVersions } from './registered-versions.ts'
import { resolveSource, type Resolved, type SourceOwners, type SourceRequest } from './sources.ts'
import { linkVersion, visible } from './version-edges.ts'
import type { ModelStore } from './store.ts'

/**
 * Models of another registry, taken in with their version numbers and times. Said again, what is missing is added.
 * Stages and aliases are moved as by anybody else: a gate holds for an import too.
 */
export interface RegistryImports {
  /** Answers what is here then. Throws `conflict` when a number is taken by another version. */
  model(project: string, draft: ImportedModel, by: { readonly actor: string }): Promise<ImportedModel>
}

export interface RegistryImportParts {
  readonly db: Db
  readonly store: ModelStore
  readonly models: Pick<RegisteredModels, 'get' | 'create' | 'describe' | 'setTag' | 'setAlias'>
  readonly versions: Pick<RegisteredVersions, 'transition'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly blobs: Blobs
  readonly owners: SourceOwners
}

const stageOf: Readonly<Record<ImportedVersion['stage'], Stage>> = {
  None: 'candidate',
  Staging: 'staging',
  Production: 'production',
  Archived: 'archived',
}
const reason = 'So it was in the registry that it was imported from.'

export function createRegistryImports(parts: RegistryImportParts): RegistryImports {
  return {
    async model(project, draft, { actor }) {
      const fullName = fullNameOf(project, draft.name)
      const place = { project, name: draft.name, fullName, said: fullName }
      const model = await modelAt(parts, place, draft, actor)
      for (const version of draft.versions) await putVersion(parts, { place, model, actor }, version)
      await moveStages(parts, { place, model, actor }, draft)
      for (const { alias, version } of draft.aliases)
        if (model.aliases[alias] !== version) await parts.models.setAlias(place, { alias, version }, { actor, reason })
      await setTimes(parts, { place, model, actor }, draft)
      return describe(parts, place, draft)
    },
  }
}

interface Held {
  readonly place: Place
  readonly model: RegisteredModel
  readonly actor: string
}

async function modelAt(
  { db, store, models }: RegistryImportParts,
  place: Place,
  draft: ImportedModel,
  actor: string,
): Promise<RegisteredModel> {
  const { project, name, fullName } = place
  const known = await store.findModel(project, name)
  const tags = Object.fromEntries(draft.tags.map(({ key, value }) => [key, value]))
  if (known) {
    for (const [key, value] of Object.entries(tags))
      if (known.tags[key] !== value) await models.setTag(place, { key, value }, { actor })
    if (known.description !== draft.description) await models.describe(place, draft.description)
    return known
  }
  const { description, createdAt } = draft
  const id = newId<'model'>('mdl')
  const made = await db
    .transaction()
    .execute(tx => store.createModel(tx, { id, project, name, fullName, description, tags, user: actor, createdAt }))
  if (!made) throw conflict(`The name ${fullName} is that of another registered model.`, { model: fullName })
  return made
}

/** Imported versions are no news: nobody is told of them, and the ledger knows them. */
async function putVersion(
  parts: RegistryImportParts,
  { place, model, actor }: Held,
  { version, stage: _, updatedAt: __, run, runLink, user, tags, ...draft }: ImportedVersion,
): Promise<void> {
  const { db, store, ledger } = parts
  const known = await store.byNumber(model.id, version)
  if (known) {
    if (known.trackingRun === run && known.createdAt === draft.createdAt) return
    throw conflict(`Version ${version} of ${place.fullName} is another one here.`, { version: known.id })
  }
  const { project, name } = place
  const resolved = await sourceHere(parts, place, { source: draft.source, runId: run })
  const seen = await visible({ ...parts, mayRead: ofProject(project) }, resolved)
  const id = newId<'model_version'>('mdv')
  await db.transaction().execute(async tx => {
    await store.lock(tx, project, name)
    await store.put(
      tx,
      { model: model.id, version },
      {
        ...draft,
        ...resolved,
        id,
        project,
        model: name,
        stage: 'candidate',
        ...(runLink !== undefined && { runLink }),
        tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
        user: user === '' ? actor : user,
      },
    )
    const { source, digest } = resolved
    const facts = { model: name, version, source, imported: true, ...(digest !== undefined && { digest }) }
    await ledger.record(tx, { id, kind: 'model_version', label: `${name} ${version}`, project, facts })
    await linkVersion(ledger, tx, { id, ...seen })
  })
}

const ofProject =
  (project: string): SourceRequest['mayRead'] =>
  async owner =>
    owner.project === project

/** A source of the other registry that leads nowhere here is kept as words: the version is there, its files are not. */
async function sourceHere(
  parts: RegistryImportParts,
  { project }: Place,
  { source, runId }: { readonly source: string; readonly runId: string | undefined },
): Promise<Resolved> {
  const run = runId === undefined || runId === '' ? {} : { trackingRun: runId }
  try {
    const found = await resolveSource(parts, {
      source,
      runId,
      mayRead: ofProject(project),
      version: name => Promise.reject(notFound('registered model', name)),
    })
    return { ...run, ...found }
  } catch (error) {
    if (error instanceof TrainyardError && (error.code === 'invalid' || error.code === 'not_found'))
      return { source, content: 'none', ...run }
    throw error
  }
}

async function moveStages({ store, versions }: RegistryImportParts, held: Held, draft: ImportedModel): Promise<void> {
  const { place, model, actor } = held
  for (const { version, stage } of draft.versions) {
    const to = stageOf[stage]
    const now = await store.byNumber(model.id, version)
    if (now && now.stage !== to && mlflowStage(now) !== stage)
      await versions.transition({ ...place, version }, { to, alone: false, actor, reason })
  }
}

/** Last of all, for what was done here are changes too. */
async function setTimes({ db, store }: RegistryImportParts, { model }: Held, draft: ImportedModel): Promise<void> {
  const times: { id: string; at: Millis }[] = []
  for (const { version, updatedAt: at } of draft.versions) {
    const found = await store.byNumber(model.id, version)
    if (found) times.push({ id: found.id, at })
  }
  await db.transaction().execute(async tx => {
    for (const { id, at } of times) await store.setUpdated(tx, id, at)
    await store.changeModel(tx, model.id, { updatedAt: draft.updatedAt })
  })
}

async function describe(
  { store, models }: RegistryImportParts,
  place: Place,
  draft: ImportedModel,
): Promise<ImportedModel> {
  const model = await models.get(place)
  const versions: ImportedVersion[] = []
  for (const { version } of draft.versions) {
    const found = await store.byNumber(model.id, version)
    if (found) versions.push(toImported(found))
  }
  const { name, description, createdAt, updatedAt } = model
  return {
    name,
    description,
    createdAt,
    updatedAt,
    tags: pairs(model.tags),
    aliases: Object.entries(model.aliases).map(([alias, version]) => ({ alias, version })),
    versions,
  }
}

const pairs = (tags: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(tags).map(([key, value]) => ({ key, value }))

const mlflowStage = ({ stage }: ModelVersion): ImportedVersion['stage'] =>
  stage === 'staging' ? 'Staging' : stage === 'production' ? 'Production' : stage === 'archived' ? 'Archived' : 'None'

const toImported = (version: ModelVersion): ImportedVersion => ({
  version: version.version,
  description: version.description,
  source: version.source,
  ...(version.trackingRun !== undefined && { run: version.trackingRun }),
  ...(version.runLink !== undefined && { runLink: version.runLink }),
  stage: mlflowStage(version),
  user: version.user,
  createdAt: version.createdAt,
  updatedAt: version.updatedAt,
  tags: pairs(version.tags),
})
