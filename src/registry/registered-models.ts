import type { Clock } from '#kernel/clock.ts'
import { defaultProject } from '#kernel/default-project.ts'
import { alreadyExists, conflict } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { parseFilter } from '#search'
import type { AnyTx, Db, Outbox } from '#storage'
import { moveAlias } from './alias-move.ts'
import { modelCreated, modelDeleted, modelRenamed, modelTagDeleted, modelTagSet } from './events.ts'
import type { Because } from './because.ts'
import { championAlias } from './production-alias.ts'
import type { Declared, ProductionRule } from './production.ts'
import {
  checkAlias,
  checkModelName,
  checkNewAlias,
  checkTag,
  fullNameOf,
  isPrompt,
  modelNotFound,
  namesOf,
  versionNotFound,
  type RegisteredModel,
} from './registered-model.ts'
import { defaultModelOrder, inWorkspace, modelLanguage, registryOrder } from './search.ts'
import type { Found, ModelStore, Readable } from './store.ts'

/** Whose model a name says, and what it is called there. */
export interface Place {
  readonly project: string
  readonly name: string
  /** The same name wherever it is said: permissions are granted on it. */
  readonly fullName: string
  /** The name as it was said. */
  readonly said: string
}

/** Filter, order and page of a search as a client writes them. */
export interface SearchRequest {
  readonly readable: Readable
  readonly filter?: string | undefined
  /** The project that the client works in, whose models it names without it. */
  readonly workspace?: string
  readonly orderBy: readonly string[]
  readonly limit: number
  readonly after?: string | undefined
}

/** Registered models as MLflow's clients know them: names, words about them, tags and aliases. */
export interface RegisteredModels {
  /** `rain.umbrella` is of the project `rain` if there is one; any other name is of the workspace's project. */
  place(said: string, workspace: string): Promise<Place>
  /** Throws `already_exists`. */
  create(place: Place, about: { description: string; tags: RegisteredModel['tags'] } & By): Promise<RegisteredModel>
  /** Throws `not_found`, as the others below do. */
  get(place: Place): Promise<RegisteredModel>
  describe(place: Place, description: string): Promise<RegisteredModel>
  /** Within its project, and with no gate on either name. Throws `conflict` or `already_exists`. */
  rename(place: Place, to: Place, by: By): Promise<RegisteredModel>
  /** Hides the model with its versions; the name is free again. Throws `conflict` behind a gate. */
  remove(place: Place, by: By): Promise<void>
  setTag(place: Place, tag: { key: string; value: string }, by: By): Promise<void>
  removeTag(place: Place, key: string, by: By): Promise<void>
  /** Throws `conflict` for an alias that stands for production and a version whose gate has not passed. */
  setAlias(place: Place, to: { alias: string; version: number }, because: Because): Promise<void>
  removeAlias(place: Place, alias: string, because: Because): Promise<void>
  /** One more row than the limit says that there is another page. */
  search(request: SearchRequest): Promise<Found<RegisteredModel>>
}

export interface By {
  readonly actor: string
}

export interface RegisteredModelParts {
  readonly db: Db
  readonly store: ModelStore
  readonly outbox: Pick<Outbox, 'emit'>
  /** Whether there is a project of this name. */
  isProject(name: string): Promise<boolean>
  readonly production: ProductionRule
  readonly clock: Clock
}

export function createRegisteredModels(parts: RegisteredModelParts): RegisteredModels {
  const { store } = parts
  const held = holding(parts)
  return {
    place: (said, workspace) => placeOf(parts, said, workspace),
    get: held.find,
    search: ({ filter, workspace = defaultProject, orderBy, limit, readable, after }) =>
      store.searchModels({
        readable,
        filter: inWorkspace(parseFilter(filter, modelLanguage), workspace),
        order: orderBy.length > 0 ? registryOrder(orderBy, modelLanguage) : defaultModelOrder,
        limit: limit + 1,
        after,
      }),
    ...modelChanges(parts, held),
    ...tagChanges(parts, held),
    ...aliasChanges(parts, held),
  }
}

interface Holding {
  /** Throws `not_found`, as `change` does. */
  find(place: Place): Promise<RegisteredModel>
  /** Runs `work` while nobody else can change the model. */
  change(place: Place, work: (tx: AnyTx, model: RegisteredModel) => Promise<unknown>): Promise<void>
}

const holding = ({ db, store }: RegisteredModelParts): Holding => ({
  async find({ project, name, said }) {
    const model = await store.findModel(project, name)
    if (!model) throw modelNotFound(said)
    return model
  },
  change: (place, work) =>
    db.transaction().execute(async tx => {
      const model = await store.lock(tx, place.project, place.name)
      if (!model) throw modelNotFound(place.said)
      await work(tx, model)
    }),
})

function modelChanges(
  parts: RegisteredModelParts,
  { find, change }: Holding,
): Pick<RegisteredModels, 'create' | 'describe' | 'rename' | 'remove'> {
  const { db, store, outbox, production, clock } = parts
  return {
    async create({ project, name, fullName, said }, { description, tags, actor }) {
      checkModelName(said)
      checkModelName(name)
      for (const [key, value] of Object.entries(tags)) checkTag(key, value)
      const draft = { id: newId('mdl'), project, name, fullName, description, tags, user: actor }
      return db.transaction().execute(async tx => {
        const made = await store.createModel(tx, { ...draft, createdAt: clock.now() })
        if (!made) throw alreadyExists('Registered Model', `(name=${said})`)
        const data = { ...namesOf(made), description, tags: { ...tags } }
        await outbox.emit(tx, modelCreated, { project, actor, data })
        return made
      })
    },

    async describe(place, description) {
      await change(place, (tx, { id }) => store.changeModel(tx, id, { description, updatedAt: clock.now() }))
      return find(place)
    },

    async rename(place, to, by) {
      checkModelName(to.said, 'new_name')
      checkModelName(to.name, 'new_name')
      const declared = [await production.declared(place), await production.declared(to)]
      await change(place, (tx, model) => rename(parts, tx, { model, to, declared, by }))
      return find(to)
    },

    async remove(place, { actor }) {
      const declared = await production.declared(place)
      await change(place, async (tx, model) => {
        if (declared.gated || model.gated)
          throw conflict(
            `${model.fullName} has a gate: its versions are what deployments and the ledger refer to, and it is not deleted.`,
            { model: model.fullName },
          )
        const at = clock.now()
        await store.changeModel(tx, model.id, { deletedAt: at, updatedAt: at })
        await outbox.emit(tx, modelDeleted, { project: model.project, actor, data: namesOf(model) })
      })
    },
  }
}

const tagChanges = (
  { store, outbox }: RegisteredModelParts,
  { change }: Holding,
): Pick<RegisteredModels, 'setTag' | 'removeTag'> => ({
  async setTag(place, { key, value }, { actor }) {
    checkTag(key, value)
    await change(place, async (tx, model) => {
      await store.setModelTag(tx, model.id, key, value)
      const data = { ...namesOf(model), key, value }
      await outbox.emit(tx, modelTagSet, { project: model.project, actor, data })
    })
  },

  async removeTag(place, key, { actor }) {
    await change(place, async (tx, model) => {
      if (!(await store.removeModelTag(tx, model.id, key))) return
      await outbox.emit(tx, modelTagDeleted, { project: model.project, actor, data: { ...namesOf(model), key } })
    })
  },
})

const aliasChanges = (
  parts: RegisteredModelParts,
  { find, change }: Holding,
): Pick<RegisteredModels, 'setAlias' | 'removeAlias'> => ({
  async setAlias(place, { alias, version: number }, because) {
    checkNewAlias(alias)
    const model = await find(place)
    const version = await parts.store.byNumber(model.id, number)
    if (!version) throw versionNotFound(place.said, number)
    const permit = await parts.production.prepare({ model, version }, { alias })
    await change(place, async (tx, held) => {
      if (permit.gated(held)) await requireFree(parts, tx, { model: held, alias, to: number })
      await moveAlias(parts, tx, { model: held, alias, to: version.id, permit, because })
    })
  },

  async removeAlias(place, alias, because) {
    checkAlias(alias)
    const declared = await parts.production.declared(place)
    await change(place, async (tx, model) => {
      if (declared.gated || model.gated) await requireFree(parts, tx, { model, alias })
      await moveAlias(parts, tx, { model, alias, because })
    })
  },
})

/** Behind a gate `champion` is what is in production, and moves with the stage alone. Throws `conflict`. */
async function requireFree(
  { store }: Pick<RegisteredModelParts, 'store'>,
  tx: AnyTx,
  { model, alias, to }: { model: RegisteredModel; alias: string; to?: number },
): Promise<void> {
  const holder = model.aliases[championAlias]
  if (alias !== championAlias || holder === undefined || holder === to) return
  const produced = await store.inStage(tx, model.id, 'production')
  if (produced.some(({ version }) => version === holder))
    throw conflict(
      `The alias ${alias} of ${model.fullName} is on version ${holder}, which is in production, and moves with that stage alone.`,
      { model: model.fullName, alias },
    )
}

async function placeOf(
  { isProject, store }: Pick<RegisteredModelParts, 'isProject' | 'store'>,
  said: string,
  workspace: string,
): Promise<Place> {
  const dot = said.indexOf('.')
  const prefix = said.slice(0, Math.max(0, dot))
  const project = prefix !== '' && (await isProject(prefix)) ? prefix : workspace
  const name = project === prefix ? said.slice(dot + 1) : said
  // A name with a dot may be older than the project of its first part, or of another workspace.
  const other = dot > 0 && !(await store.findModel(project, name)) ? await store.findByFullName(said) : undefined
  const found = other ?? { project, name, fullName: fullNameOf(project, name) }
  return { project: found.project, name: found.name, fullName: found.fullName, said }
}

async function rename(
  { store, outbox, clock }: RegisteredModelParts,
  tx: AnyTx,
  { model, to, declared, by: { actor } }: { model: RegisteredModel; to: Place; declared: readonly Declared[]; by: By },
): Promise<void> {
  const { id, project, fullName: former } = model
  if (to.project !== project)
    throw conflict(`${former} is of the project ${project}: a new name keeps it there, and ${to.said} would not.`, {
      project,
    })
  if (model.gated || declared.some(({ gated }) => gated))
    throw conflict(`${former} cannot become ${to.said}: a project declares one of them, with a gate.`, {
      model: former,
    })
  const { fullName } = to
  if (fullName === former) return
  const changed = await store.changeModel(tx, id, { name: to.name, fullName, updatedAt: clock.now() })
  if (!changed) throw alreadyExists('Registered Model', `(name=${to.said})`)
  const names = { model: to.name, fullName, prompt: isPrompt(model.tags) }
  await outbox.emit(tx, modelRenamed, { project, actor, data: { ...names, former } })
}
