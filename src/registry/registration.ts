import { TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Blobs } from '#storage'
import { versionRegistered } from './events.ts'
import type { ModelVersion } from './model-version.ts'
import type { Held } from './production.ts'
import { checkTag, isPrompt, modelNotFound, versionNotFound, type RegisteredModel } from './registered-model.ts'
import type { By, Place, RegisteredModelParts } from './registered-models.ts'
import { notContained, refused, requirePromptSource } from './source.ts'
import { linkVersion, visible } from './version-edges.ts'
import { resolveSource, type Resolved, type SourceOwners, type SourceRequest } from './sources.ts'

/** What a client says of a version that it registers. */
export interface Registration extends By, Omit<SourceRequest, 'version'> {
  readonly workspace: string
  readonly runLink?: string | undefined
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
}

export interface RegistrationParts extends RegisteredModelParts {
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly blobs: Blobs
  readonly owners: SourceOwners
  place(said: string, workspace: string): Promise<Place>
}

/** Registers a version as its files are now. Throws `invalid` for a source that is not the caller's to name. */
export async function register(
  parts: RegistrationParts,
  place: Place,
  { actor, workspace, runLink, description, tags, ...request }: Registration,
): Promise<ModelVersion> {
  const { db, store, clock } = parts
  for (const [key, value] of Object.entries(tags)) checkTag(key, value)
  const found = await store.findModel(place.project, place.name)
  if (!found) throw modelNotFound(place.said)
  const resolved = isPrompt(found.tags)
    ? promptOf(request)
    : await resolveSource(parts, {
        ...request,
        async version(name, which) {
          const place = await parts.place(name, workspace)
          // Before it is looked for: whether it is there is not told either.
          const mayRead = await request.mayRead({ project: place.project, model: place.fullName })
          if (!mayRead) throw notContained(request.source)
          return sourceVersion(parts, place, request.source, which)
        },
      })
  const seen = await visible({ ...parts, ...request }, resolved)
  const id = newId<'model_version'>('mdv')
  return db.transaction().execute(async tx => {
    const model = await store.lock(tx, place.project, place.name)
    if (!model) throw modelNotFound(place.said)
    const version = await store.append(tx, {
      ...resolved,
      id,
      project: model.project,
      model: model.name,
      stage: 'candidate',
      ...(runLink !== undefined && { runLink }),
      description,
      tags,
      user: actor,
      createdAt: clock.now(),
    })
    await announce(parts, tx, { model, version })
    await linkVersion(parts.ledger, tx, { id, ...seen })
    return version
  })
}

function promptOf({ source }: Pick<SourceRequest, 'source'>): Resolved {
  requirePromptSource(source)
  return { source, content: 'none' }
}

async function announce({ ledger, outbox }: RegistrationParts, tx: AnyTx, { model, version }: Held): Promise<void> {
  const { id, project, fullName, version: number, stage, digest, source, trackingRun } = version
  const { description, tags, user: actor } = version
  await ledger.record(tx, {
    id,
    kind: 'model_version',
    label: `${model.name} ${number}`,
    project,
    facts: { model: model.name, version: number, source, registered: stage, ...(digest !== undefined && { digest }) },
  })
  const data = {
    model: model.name,
    version: id,
    number,
    stage,
    fullName,
    prompt: isPrompt(model.tags),
    source,
    ...(trackingRun !== undefined && { trackingRun }),
    description,
    tags,
  }
  await outbox.emit(tx, versionRegistered, { project, actor, data })
}

/** What `models:/name/…` names: a number, a stage or `latest`, or an alias. */
async function sourceVersion(
  parts: RegistrationParts,
  place: Place,
  source: string,
  which: { alias: string } | { version: string },
): Promise<ModelVersion> {
  const { store } = parts
  const model = await store.findModel(place.project, place.name)
  if (!model) throw modelNotFound(place.said)
  if (isPrompt(model.tags)) throw refused(source, 'Prompt versions cannot be used as model version sources.')
  if ('alias' in which) return aliasedOrLatest(parts, model, { alias: which.alias, said: place.said })
  const text = which.version
  if (/^\d{1,15}$/.test(text)) {
    const version = await store.byNumber(model.id, Number(text))
    if (!version) throw versionNotFound(place.said, text)
    return version
  }
  if (text.toLowerCase() === 'latest') return aliasedOrLatest(parts, model, { alias: text, said: place.said })
  const newest = (await store.latest([model.id])).findLast(({ stage }) => stage === text.toLowerCase())
  if (!newest) throw versionNotFound(place.said, text)
  return newest
}

/** Throws `invalid` for an alias that is not there, `not_found` when there is no version at all. */
export async function aliasedOrLatest(
  { store }: Pick<RegistrationParts, 'store'>,
  model: RegisteredModel,
  { alias, said }: { alias: string; said: string },
): Promise<ModelVersion> {
  if (alias.toLowerCase() === 'latest') {
    const newest = (await store.latest([model.id])).at(-1)
    const version = newest && (await store.find(newest.id))
    if (!version) throw new TrainyardError('not_found', `Latest version not found for model ${said}.`)
    return version
  }
  const version = await store.byAlias(model.id, alias)
  // MLflow's clients look for this code.
  if (!version) throw new TrainyardError('invalid', `Registered model alias ${alias} not found.`, { alias })
  return version
}
