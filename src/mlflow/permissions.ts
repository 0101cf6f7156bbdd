import { z } from 'zod'
import { levelOf, levels, type Access, type Level, type Resource } from '#access'
import { invalid } from '#kernel/error.ts'
import type { RegisteredModels } from '#registry'
import { id } from './field.ts'
import type { Caller, Declare, MlflowCall } from './route.ts'

export interface PermissionCallParts {
  readonly access: Access
  /** Throws `not_found`. */
  readonly experiments: { get(id: string): Promise<{ readonly project: string }> }
  readonly models: Pick<RegisteredModels, 'place' | 'get'>
}

type GrantedThing = Required<Resource>
type OwnedBy = { readonly username: string }

/** What MLflow's app for basic authentication answers: its users are ours, its permissions our grants. */
export const permissionCalls =
  (parts: PermissionCallParts) =>
  (declare: Declare): void => {
    experimentCalls(parts, declare)
    modelCalls(parts, declare)
    scorerCalls(parts, declare)
    unifiedCalls(parts, declare)
  }

const Level = z.enum(levels)
const User = z.object({ username: z.string().max(100) })
const OnExperiment = User.extend({ experiment_id: id })
const OnModel = User.extend({ name: z.string().min(1).max(256) })
const OnScorer = User.extend({ experiment_id: id, scorer_name: z.string().min(1).max(256) })

function experimentCalls(parts: PermissionCallParts, declare: Declare): void {
  family(parts, declare, {
    path: '2.0/mlflow/experiments/permissions',
    input: OnExperiment,
    answer: 'experiment_permission',
    thing: input => experimentThing(parts, input.experiment_id),
    fields: ({ id: experiment_id }) => ({ experiment_id }),
  })
}

function modelCalls(parts: PermissionCallParts, declare: Declare): void {
  family(parts, declare, {
    path: '2.0/mlflow/registered-models/permissions',
    input: OnModel,
    answer: 'registered_model_permission',
    thing: ({ name }, caller) => modelThing(parts, name, caller),
    fields: ({ id: name }) => ({ name }),
  })
}

function scorerCalls(parts: PermissionCallParts, declare: Declare): void {
  family(parts, declare, {
    path: '3.0/mlflow/scorers/permissions',
    input: OnScorer,
    answer: 'scorer_permission',
    thing: input => scorerThing(parts, input.experiment_id, input.scorer_name),
    fields: scorer => {
      const [experiment_id, ...name] = scorer.id.split('/')
      return { experiment_id, scorer_name: name.join('/') }
    },
  })
}

/** One kind of thing with its four calls. */
interface Family<Schema extends z.ZodObject> {
  readonly path: MlflowCall<Schema>['path']
  readonly input: Schema
  /** The field of the answer. */
  readonly answer: string
  thing(input: z.output<Schema>, caller: Caller): Promise<GrantedThing>
  /** How the answer names the thing. */
  fields(thing: GrantedThing): object
}

function family<Schema extends z.ZodObject>(
  { access: { users, grants } }: PermissionCallParts,
  declare: Declare,
  { path, input, answer, thing, fields }: Family<Schema>,
): void {
  const may = ['manage', thing] as const
  const withLevel = input.extend({ permission: Level })
  const told = async ({ username }: OwnedBy, what: GrantedThing, permission: Level): Promise<object> => ({
    [answer]: { ...fields(what), user_id: (await users.get(username)).user.number, permission },
  })
  type Said = z.output<Schema> & OwnedBy & { permission: Level }
  const on =
    (work: (said: Said, what: GrantedThing) => Promise<object | void>) =>
    async (said: unknown, caller: Caller): Promise<object> =>
      (await work(said as Said, await thing(said as Said, caller))) ?? {}

  declare({
    method: 'POST',
    path: `${path}/create`,
    input: withLevel,
    may: may as never,
    handle: on(async (said, what) => {
      await grants.create({ ...what, user: said.username, level: said.permission })
      return told(said, what, said.permission)
    }),
  })
  declare({
    method: 'GET',
    path: `${path}/get`,
    input,
    may,
    handle: on(async (said, what) => told(said, what, (await grants.get(said.username, what)).level)),
  })
  declare({
    method: 'PATCH',
    path: `${path}/update`,
    input: withLevel,
    may: may as never,
    handle: on((said, what) => grants.change(said.username, what, said.permission)),
  })
  declare({
    method: 'DELETE',
    path: `${path}/delete`,
    input,
    may,
    handle: on((said, what) => grants.remove(said.username, what)),
  })
}

const kinds = ['experiment', 'registered_model', 'prompt', 'scorer', 'workspace'] as const
const Unified = User.extend({ resource_type: z.enum(kinds), resource_id: z.string().min(1).max(600) })

/** Newer clients grant on any kind of thing by one call. `workspace` is the project that is worked in. */
function unifiedCalls(parts: PermissionCallParts, declare: Declare): void {
  const { users, grants } = parts.access
  const may = ['manage', (said: z.output<typeof Unified>, caller: Caller) => unifiedThing(parts, said, caller)] as const
  const path = '3.0/mlflow/users/permissions'
  declare({
    method: 'POST',
    path: `${path}/grant`,
    input: Unified.extend({ permission: z.enum([...levels, 'DENY']) }),
    may,
    async handle(said, caller) {
      const level = said.permission === 'DENY' ? 'NO_PERMISSIONS' : said.permission
      const what = await unifiedThing(parts, said, caller)
      if (isThing(what)) await grants.put({ ...what, user: said.username, level })
      else await users.putMember({ user: said.username, project: what.project, role: roleOf(level) })
      return {}
    },
  })
  declare({
    method: 'POST',
    path: `${path}/revoke`,
    input: Unified,
    may,
    async handle(said, caller) {
      const what = await unifiedThing(parts, said, caller)
      await (isThing(what) ? grants.remove(said.username, what) : users.removeMember(said.username, what.project))
      return {}
    },
  })
  declare({
    method: 'GET',
    path: `${path}/get`,
    input: Unified,
    may,
    async handle(said, caller) {
      const account = await users.get(said.username)
      const what = await unifiedThing(parts, said, caller)
      const permission = levelOf(account, what, await grants.levels(said.username))
      return { allowed: ['USE', 'EDIT', 'MANAGE'].includes(permission), permission }
    },
  })
}

const isThing = (resource: Resource): resource is GrantedThing => resource.kind !== undefined

/** MLflow's members of a workspace make things in it; its managers give permissions. */
function roleOf(level: Level): 'editor' | 'admin' {
  if (level === 'USE') return 'editor'
  if (level === 'MANAGE') return 'admin'
  throw invalid('This is not granted on a workspace.', [
    { field: 'permission', value: level, allowed: 'USE (editor of the project) or MANAGE (admin)' },
  ])
}

async function unifiedThing(
  parts: PermissionCallParts,
  { resource_type, resource_id }: z.output<typeof Unified>,
  caller: Caller,
): Promise<Resource> {
  if (resource_type === 'experiment') return experimentThing(parts, resource_id)
  if (resource_type === 'registered_model' || resource_type === 'prompt') return modelThing(parts, resource_id, caller)
  if (resource_type === 'workspace') return { project: resource_id === '*' ? caller.workspace : resource_id }
  const [experiment = '', ...name] = resource_id.split('/')
  return scorerThing(parts, experiment, name.join('/'))
}

async function experimentThing({ experiments }: PermissionCallParts, experiment: string): Promise<GrantedThing> {
  const { project } = await experiments.get(experiment)
  return { project, kind: 'experiment', id: experiment }
}

async function modelThing({ models }: PermissionCallParts, name: string, caller: Caller): Promise<GrantedThing> {
  const { project, fullName } = await models.get(await models.place(name, caller.workspace))
  return { project, kind: 'registered_model', id: fullName }
}

async function scorerThing(
  { experiments }: PermissionCallParts,
  experiment: string,
  name: string,
): Promise<GrantedThing> {
  const { project } = await experiments.get(experiment)
  return { project, kind: 'scorer', id: `${experiment}/${name}` }
}
