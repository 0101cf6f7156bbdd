import { z } from 'zod'
import type { Resource } from '#access'
import type { RegisteredVersions, SourceThing } from '#registry'
import { flag, int64, KeyValue, many } from './field.ts'
import { Named, onModel, Reason, Stage, VersionNumber, type RegistryCallParts } from './registered-models.ts'
import { stageOf, versionJson } from './registry-json.ts'
import type { Caller, Declare } from './route.ts'
import { pageOf } from './search-page.ts'

const base = '2.0/mlflow/model-versions'
const Numbered = Named.extend({ version: VersionNumber })
const pageMax = 200_000

type VersionPlace = Parameters<RegisteredVersions['get']>[0]

/** Versions of registered models: made, read, searched, moved, described and deleted [MLflow: REST API]. */
export const modelVersionCalls =
  (parts: RegistryCallParts) =>
  (declare: Declare): void => {
    createCall(parts, declare)
    readCalls(parts, declare)
    changeCalls(parts, declare)
    tagCalls(parts, declare)
  }

const placing =
  ({ models }: RegistryCallParts) =>
  async ({ name, version }: z.output<typeof Numbered>, caller: Caller): Promise<VersionPlace> => ({
    ...(await models.place(name, caller.workspace)),
    version,
  })

/** Protobuf's empty text is as good as none. */
const optional = z
  .string()
  .optional()
  .transform(text => (text === '' ? undefined : text))

function createCall(parts: RegistryCallParts, declare: Declare): void {
  const { models, versions } = parts
  declare({
    method: 'POST',
    path: `${base}/create`,
    input: Named.extend({
      source: z.string(),
      run_id: optional,
      model_id: optional,
      run_link: optional,
      description: z.string().default(''),
      tags: many(KeyValue),
    }),
    may: onModel(parts, 'edit'),
    async handle({ name, source, run_id, model_id, run_link, description, tags }, caller) {
      const version = await versions.create(await models.place(name, caller.workspace), {
        source,
        runId: run_id,
        modelId: model_id,
        runLink: run_link,
        description,
        tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
        actor: caller.actor,
        workspace: caller.workspace,
        mayRead: thing => caller.mayRead(readOf(thing)),
      })
      return { model_version: versionJson(version, caller) }
    },
  })
}

const readOf = ({ project, experiment, model }: SourceThing): Resource => {
  if (experiment !== undefined) return { project, kind: 'experiment', id: experiment }
  return model === undefined ? { project } : { project, kind: 'registered_model', id: model }
}

function readCalls(parts: RegistryCallParts, declare: Declare): void {
  const { versions } = parts
  const place = placing(parts)
  declare({
    method: 'GET',
    path: `${base}/get`,
    input: Numbered,
    may: onModel(parts, 'read'),
    handle: async (input, caller) => ({
      model_version: versionJson(await versions.get(await place(input, caller)), caller),
    }),
  })
  declare({
    method: 'GET',
    path: `${base}/get-download-uri`,
    input: Numbered,
    may: onModel(parts, 'read'),
    handle: async (input, caller) => ({ artifact_uri: await versions.downloadUri(await place(input, caller)) }),
  })
  declare({
    method: 'GET',
    path: `${base}/search`,
    input: z.object({
      filter: z.string().optional(),
      max_results: int64.default(pageMax),
      order_by: many(z.string()),
      page_token: z.string().optional(),
    }),
    may: 'anyone',
    async handle(input, caller) {
      const { rows, token } = await pageOf(input, pageMax, caller, request => versions.search(request))
      return {
        ...(rows.length > 0 && { model_versions: rows.map(version => versionJson(version, caller)) }),
        next_page_token: token,
      }
    },
  })
}

function changeCalls(parts: RegistryCallParts, declare: Declare): void {
  const { versions } = parts
  const place = placing(parts)
  declare({
    method: 'PATCH',
    path: `${base}/update`,
    input: Numbered.extend({ description: z.string().default('') }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      const version = await versions.describe(await place(input, caller), input.description)
      return { model_version: versionJson(version, caller) }
    },
  })
  declare({
    method: 'POST',
    path: `${base}/transition-stage`,
    input: Numbered.extend({ stage: Stage, archive_existing_versions: flag.default(false), reason: Reason }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      const { stage, archive_existing_versions: alone, reason } = input
      const move = { to: stageOf[stage], alone, actor: caller.actor, reason }
      return { model_version: versionJson(await versions.transition(await place(input, caller), move), caller) }
    },
  })
  declare({
    method: 'DELETE',
    path: `${base}/delete`,
    input: Numbered,
    may: onModel(parts, 'manage'),
    async handle(input, caller) {
      await versions.remove(await place(input, caller), caller)
      return {}
    },
  })
}

function tagCalls(parts: RegistryCallParts, declare: Declare): void {
  const { versions } = parts
  const place = placing(parts)
  declare({
    method: 'POST',
    path: `${base}/set-tag`,
    input: Numbered.extend({ key: z.string(), value: z.string().default('') }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      await versions.setTag(await place(input, caller), input, caller)
      return {}
    },
  })
  declare({
    method: 'DELETE',
    path: `${base}/delete-tag`,
    input: Numbered.extend({ key: z.string() }),
    may: onModel(parts, 'edit'),
    async handle(input, caller) {
      await versions.removeTag(await place(input, caller), input.key, caller)
      return {}
    },
  })
}
