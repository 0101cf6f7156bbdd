import { defaultProject } from '#kernel/default-project.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { parseFilter } from '#search'
import type { AnyTx } from '#storage'
import { versionDeleted, versionTagDeleted, versionTagSet } from './events.ts'
import type { ModelVersion, Stage } from './model-version.ts'
import { archiveOthers, changeStage, type Move } from './move.ts'
import { isGuarded } from './production-alias.ts'
import type { Held } from './production.ts'
import {
  checkAlias,
  checkTag,
  modelNotFound,
  namesOf,
  versionNotFound,
  type RegisteredModel,
} from './registered-model.ts'
import type { By, Place, SearchRequest } from './registered-models.ts'
import { aliasedOrLatest, register, type Registration, type RegistrationParts } from './registration.ts'
import { defaultVersionOrder, inWorkspace, registryOrder, versionLanguage } from './search.ts'
import type { Found } from './store.ts'
import { filesUri } from './version-files.ts'

/** A version by its number, as MLflow's clients name it. */
export interface VersionPlace extends Place {
  readonly version: number
}

/** Versions as MLflow's clients know them. All throw `not_found` for a model or version that is not there. */
export interface RegisteredVersions {
  /** Registers a version as its files are now. Throws `invalid` for a source that is not the caller's to name. */
  create(place: Place, registration: Registration): Promise<ModelVersion>
  get(place: VersionPlace): Promise<ModelVersion>
  /** The version behind an alias, or the newest behind `latest`. Throws `invalid` for an alias that is not there. */
  byAlias(place: Place, alias: string): Promise<ModelVersion>
  /** The newest version of each model in each stage, by model id. */
  latest(models: readonly RegisteredModel[]): Promise<ReadonlyMap<string, readonly ModelVersion[]>>
  describe(place: VersionPlace, description: string): Promise<ModelVersion>
  /** With `alone`, whoever was in the stage is archived. Throws `conflict` where the model's gate does not let it through. */
  transition(place: VersionPlace, move: Move & { alone: boolean }): Promise<ModelVersion>
  /** Hides it; its number is not given out again. Throws `conflict` for what stands in production behind a gate. */
  remove(place: VersionPlace, by: By): Promise<void>
  setTag(place: VersionPlace, tag: { key: string; value: string }, by: By): Promise<void>
  removeTag(place: VersionPlace, key: string, by: By): Promise<void>
  /** Where its files are: here if they were when it was registered. */
  downloadUri(place: VersionPlace): Promise<string>
  /** One more row than the limit says that there is another page. */
  search(request: SearchRequest): Promise<Found<ModelVersion>>
  /** What the versions of each project have in files; each counts as one. */
  usage(): Promise<readonly { project: string; files: number; bytes: number }[]>
}

export function createRegisteredVersions(parts: RegistrationParts): RegisteredVersions {
  const held = holding(parts)
  return {
    create: (place, registration) => register(parts, place, registration),
    ...versionReads(parts, held),
    ...versionMoves(parts, held),
    ...wordChanges(parts, held),
  }
}

interface Holding {
  /** Throw `not_found`, as `change` does. */
  model(place: Place): Promise<RegisteredModel>
  find(place: VersionPlace): Promise<ModelVersion>
  /** Runs `work` while nobody else can change the model, and answers what became of the version. */
  change(place: VersionPlace, work: (tx: AnyTx, held: Held) => Promise<unknown>): Promise<ModelVersion>
}

function holding({ db, store, clock }: RegistrationParts): Holding {
  async function modelOf({ project, name, said }: Place): Promise<RegisteredModel> {
    const model = await store.findModel(project, name)
    if (!model) throw modelNotFound(said)
    return model
  }
  async function find(place: VersionPlace): Promise<ModelVersion> {
    const version = await store.byNumber((await modelOf(place)).id, place.version)
    if (!version) throw versionNotFound(place.said, place.version)
    return version
  }
  return {
    model: modelOf,
    find,
    async change(place, work) {
      const { id } = await find(place)
      return db.transaction().execute(async tx => {
        const model = await store.lock(tx, place.project, place.name)
        const version = await store.findIn(tx, id)
        if (!model || !version || version.deletedAt !== undefined) throw versionNotFound(place.said, place.version)
        await work(tx, { model, version })
        await store.changeModel(tx, model.id, { updatedAt: clock.now() })
        return (await store.findIn(tx, id))!
      })
    },
  }
}

const versionReads = (
  parts: RegistrationParts,
  { model, find }: Holding,
): Pick<RegisteredVersions, 'get' | 'byAlias' | 'latest' | 'downloadUri' | 'search' | 'usage'> => ({
  usage: () => parts.store.usage(),
  get: find,

  async byAlias(place, alias) {
    checkAlias(alias)
    return aliasedOrLatest(parts, await model(place), { alias, said: place.said })
  },

  async latest(models) {
    const found = await parts.store.latest(models.map(({ id }) => id))
    return Map.groupBy(found, ({ modelId }) => modelId)
  },

  async downloadUri(place) {
    const { id, content, source } = await find(place)
    return content === 'none' ? source : filesUri(id)
  },

  search: ({ filter, workspace = defaultProject, orderBy, limit, readable, after }) =>
    parts.store.searchVersions({
      readable,
      filter: inWorkspace(parseFilter(filter, versionLanguage), workspace),
      order: orderBy.length > 0 ? registryOrder(orderBy, versionLanguage) : defaultVersionOrder,
      limit: limit + 1,
      after,
    }),
})

function versionMoves(parts: RegistrationParts, holds: Holding): Pick<RegisteredVersions, 'transition' | 'remove'> {
  const { store, outbox, production, clock } = parts
  return {
    async transition(place, { alone, ...move }) {
      if (alone && move.to !== 'staging' && move.to !== 'production')
        throw invalid('Only Staging and Production can be cleared of other versions.', [
          { field: 'archive_existing_versions', value: true, allowed: 'false for the stages None and Archived' },
        ])
      const before = { model: await holds.model(place), version: await holds.find(place) }
      const permit = await production.prepare(before, { stage: move.to })
      return holds.change(place, async (tx, held) => {
        // Said again it is done already: clients repeat what they got no answer to.
        if (!isIn(held.version, move.to)) await changeStage(parts, tx, { ...held, permit }, { ...move, alone })
        else if (alone) await archiveOthers(parts, tx, held, move)
      })
    },

    async remove(place, { actor }) {
      const declared = await production.declared(place)
      await holds.change(place, async (tx, { model, version }) => {
        if (declared.gated || model.gated) requireIdle(version, declared.guardedAliases)
        await store.remove(tx, version.id, clock.now())
        await outbox.emit(tx, versionDeleted, { project: model.project, actor, data: said(model, version) })
      })
    },
  }
}

const wordChanges = (
  { store, outbox, clock }: RegistrationParts,
  { change }: Holding,
): Pick<RegisteredVersions, 'describe' | 'setTag' | 'removeTag'> => ({
  describe: (place, description) =>
    change(place, (tx, { version }) => store.describe(tx, version.id, description, clock.now())),

  async setTag(place, { key, value }, { actor }) {
    checkTag(key, value)
    await change(place, async (tx, { model, version }) => {
      await store.setVersionTag(tx, version.id, key, value)
      const data = { ...said(model, version), key, value }
      await outbox.emit(tx, versionTagSet, { project: model.project, actor, data })
    })
  },

  async removeTag(place, key, { actor }) {
    await change(place, async (tx, { model, version }) => {
      if (!(await store.removeVersionTag(tx, version.id, key))) return
      const data = { ...said(model, version), key }
      await outbox.emit(tx, versionTagDeleted, { project: model.project, actor, data })
    })
  },
})

/** MLflow has one word, None, for what is a candidate or rejected here. */
const isIn = ({ stage }: ModelVersion, to: Stage): boolean =>
  stage === to || (to === 'candidate' && stage === 'rejected')

function requireIdle({ stage, aliases, fullName, version }: ModelVersion, declared: readonly string[]): void {
  const alias = aliases.find(name => isGuarded(name, declared))
  if (stage !== 'production' && alias === undefined) return
  const why = stage === 'production' ? 'is in production' : `has the alias ${alias}`
  throw new TrainyardError(
    'conflict',
    `Version ${version} of ${fullName} ${why}: it is not deleted before it is archived.`,
    {
      stage,
      aliases,
    },
  )
}

/** What events say of a version. */
const said = (model: RegisteredModel, { id, version }: ModelVersion) => ({
  ...namesOf(model),
  version: id,
  number: version,
})
