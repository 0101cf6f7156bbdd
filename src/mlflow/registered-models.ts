import { z } from 'zod'
import type { Permission } from '#access'
import type { ModelVersion, Place, RegisteredModel, RegisteredModels, RegisteredVersions } from '#registry'
import { int64, KeyValue, many } from './field.ts'
import { modelJson, mlflowStages, resourceOf, stageName, versionJson, type MlflowStage } from './registry-json.ts'
import type { Caller, Declare, MlflowCall } from './route.ts'
import { pageOf } from './search-page.ts'

export interface RegistryCallParts {
  readonly models: RegisteredModels
  readonly versions: RegisteredVersions
}

const base = '2.0/mlflow/registered-models'
/** Clients of MLflow have no field for it: who wants to say why, adds one. */
export const Reason = z.string().min(1).max(1_000).default('Asked for by a client of MLflow.')
export const Named = z.object({ name: z.string() })
const Aliased = Named.extend({ alias: z.string(), reason: Reason })

/** Registered models, their tags and aliases [MLflow: REST API]. */
export const registeredModelCalls =
  (parts: RegistryCallParts) =>
  (declare: Declare): void => {
    modelCalls(parts, declare)
    listCalls(parts, declare)
    tagCalls(parts, declare)
    aliasCalls(parts, declare)
  }

/** The permission that a call needs on the model which its input names. */
export const onModel = (
  { models }: RegistryCallParts,
  permission: Permission,
): [Permission, (input: { name: string }, caller: Caller) => Promise<ReturnType<typeof resourceOf>>] => [
  permission,
  async ({ name }, caller) => resourceOf(await models.place(name, caller.workspace)),
]

const placing =
  ({ models }: RegistryCallParts) =>
  ({ name }: { name: string }, caller: Caller): Promise<Place> =>
    models.place(name, caller.workspace)

function modelCalls(parts: RegistryCallParts, declare: Declare): void {
  const { models } = parts
  const place = placing(parts)
  const answer = async (model: RegisteredModel, caller: Caller): Promise<object> => ({
    registered_model: await withLatest(parts, model, caller),
  })
  const thing = async (input: { name: string }, caller: Caller) => resourceOf(await place(input, caller))

  declare({
    method: 'POST',
    path: `${base}/create`,
    input: Named.extend({ tags: many(KeyValue), description: z.string().default('') }),
    may: onModel(parts, 'edit'),
    makes: async (_, input, caller) => thing(input, caller),
    async handle({ tags, description, ...named }, caller) {
      const record = Object.fromEntries(tags.map(({ key, value }) => [key, value]))
      const made = await models.create(await place(named, caller), { description, tags: record, actor: caller.actor })
      return answer(made, caller)
    },
  })
  declare({
    method: 'GET',
    path: `${base}/get`,
    input: Named,
    may: onModel(parts, 'read'),
    handle: async (input, caller) => answer(await models.get(await place(input, caller)), caller),
  })
  declare({
    method: 'POST',
    path: `${base}/rename`,
    input: Named.extend({ new_name: z.string() }),
    may: onModel(parts, 'manage'),
    moves: async ({ name, new_name }, caller) => ({
      ...(await thing({ name }, caller)),
      to: (await place({ name: new_name }, caller)).fullName,
    }),
    async handle({ name, new_name }, caller) {
      const [from, to] = [await place({ name }, caller), await place({ name: new_name }, caller)]
      return answer(await models.rename(from, to, caller), caller)
    },
  })
  declare({
    method: 'PATCH',
    path: `${base}/update`,
    input: Named.extend({ description: z.string().default('') }),
    may: onModel(parts, 'edit'),
    handle: async (input, caller) =>
      answer(await models.describe(await place(input, caller), input.description), caller),
  })
  declare({
    method: 'DELETE',
    path: `${base}/delete`,
    input: Named,
    may: onModel(parts, 'manage'),
    moves: thing,
    async handle(input, caller) {
      await models.remove(await place(input, caller), caller)
      return {}
    },
  })
}

function listCalls(parts: RegistryCallParts, declare: Declare): void {
  const { models, versions } = parts
  const place = placing(parts)

  declare({
    method: 'GET',
    path: `${base}/search`,
    input: z.object({
      filter: z.string().optional(),
      max_results: int64.default(100),
      order_by: many(z.string()),
      page_token: z.string().optional(),
    }),
    may: 'anyone',
    async handle(input, caller) {
      const { rows, token } = await pageOf(input, 1_000, caller, request => models.search(request))
      const latest = await versions.latest(rows)
      return {
        ...(rows.length > 0 && {
          registered_models: rows.map(model => modelJson(model, latest.get(model.id) ?? [], caller)),
        }),
        next_page_token: token,
      }
    },
  })

  const latest = {
    path: `${base}/get-latest-versions`,
    input: Named.extend({ stages: many(Stage) }),
    may: onModel(parts, 'read'),
    async handle({ stages, name }: { name: string; stages: MlflowStage[] }, caller: Caller) {
      const model = await models.get(await place({ name }, caller))
      const found = await latestOf(parts, model)
      const shown = stages.length === 0 ? found : found.filter(({ stage }) => stages.includes(stageName[stage]))
      const aliases = aliasesByVersion(model)
      const full = shown.map(version => ({ ...version, aliases: aliases.get(version.version) ?? [] }))
      return full.length > 0 ? { model_versions: full.map(version => versionJson(version, caller)) } : {}
    },
  } as const satisfies Omit<MlflowCall<z.ZodType<{ name: string; stages: MlflowStage[] }>>, 'method'>
  declare({ ...latest, method: 'POST' })
  declare({ ...latest, method: 'GET' })
}

function tagCalls(parts: RegistryCallParts, declare: Declare): void {
  const { models } = parts
  const place = placing(parts)
  declare({
    method: 'POST',
    path: `${base}/set-tag`,
    input: Named.extend({ key: z.string(), value: z.string().default('') }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      await models.setTag(await place(input, caller), input, caller)
      return {}
    },
  })
  declare({
    method: 'DELETE',
    path: `${base}/delete-tag`,
    input: Named.extend({ key: z.string() }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      await models.removeTag(await place(input, caller), input.key, caller)
      return {}
    },
  })
}

function aliasCalls(parts: RegistryCallParts, declare: Declare): void {
  const { models, versions } = parts
  const place = placing(parts)
  declare({
    method: 'POST',
    path: `${base}/alias`,
    input: Aliased.extend({ version: VersionNumber }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      const { alias, version, reason } = input
      await models.setAlias(await place(input, caller), { alias, version }, { actor: caller.actor, reason })
      return {}
    },
  })
  declare({
    method: 'DELETE',
    path: `${base}/alias`,
    input: Aliased,
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      const { alias, reason } = input
      await models.removeAlias(await place(input, caller), alias, { actor: caller.actor, reason })
      return {}
    },
  })
  declare({
    method: 'GET',
    path: `${base}/alias`,
    input: Named.extend({ alias: z.string() }),
    may: onModel(parts, 'read'),
    async handle(input, caller) {
      const version = await versions.byAlias(await place(input, caller), input.alias)
      return { model_version: versionJson(version, caller) }
    },
  })
}

/** `"3"`, as a client writes the number of a version. */
export const VersionNumber = z.union(
  [
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    z.int(),
  ],
  'a whole number',
)

/** A stage in MLflow's spelling, however it was written. */
export const Stage = z.string().transform((text, context) => {
  const stage = mlflowStages.find(name => name.toLowerCase() === text.toLowerCase())
  if (stage) return stage
  context.addIssue(`Invalid Model Version stage: ${text}. Value must be one of ${mlflowStages.join(', ')}.`)
  return z.NEVER
})

/** The newest in each of MLflow's stages, of which None holds two of ours. */
async function latestOf({ versions }: RegistryCallParts, model: RegisteredModel): Promise<readonly ModelVersion[]> {
  const found = (await versions.latest([model])).get(model.id) ?? []
  const newest = new Map(found.map(version => [stageName[version.stage], version]))
  return [...newest.values()]
}

function aliasesByVersion({ aliases }: RegisteredModel): ReadonlyMap<number, string[]> {
  const grouped = Map.groupBy(Object.entries(aliases), ([, version]) => version)
  return new Map([...grouped].map(([version, entries]) => [version, entries.map(([alias]) => alias)]))
}

async function withLatest(parts: RegistryCallParts, model: RegisteredModel, caller: Caller): Promise<object> {
  return modelJson(model, await latestOf(parts, model), caller)
}
