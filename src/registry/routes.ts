import { z } from 'zod'
import type { App } from '#http'
import { Name, PageQuery } from '#kernel/wire.ts'
import { fullNameOf } from './registered-model.ts'
import type { RegisteredModels } from './registered-models.ts'
import type { Registry } from './registry.ts'
import {
  AliasBody,
  AliasMovePage,
  FileList,
  ModelPage,
  ModelVersionPage,
  ModelVersionWire,
  TransitionBody,
} from './wire.ts'

const ProjectParams = z.object({ project: Name })
const ModelParams = z.object({ project: Name, model: z.string().min(1).max(256) })
const AliasParams = ModelParams.extend({ alias: z.string().min(1).max(255) })
const VersionParams = ModelVersionWire.pick({ id: true })
const tags = ['registry']

interface Parts {
  readonly registry: Registry
  readonly registeredModels: RegisteredModels
}

export function registryRoutes(app: App, parts: Parts): void {
  modelRoutes(app, parts)
  versionRoutes(app, parts)
  aliasRoutes(app, parts)
}

function modelRoutes(app: App, { registry }: Parts): void {
  app.get(
    '/api/v1/projects/:project/models',
    {
      schema: {
        summary: 'Models of a project, with champion and newest version',
        tags,
        params: ProjectParams,
        querystring: PageQuery,
        response: { 200: ModelPage },
      },
    },
    async ({ params, query }) => (await registry.models(params.project, query)) as z.input<typeof ModelPage>,
  )

  app.get(
    '/api/v1/projects/:project/models/:model/versions',
    {
      schema: {
        summary: 'Versions of a model, newest first',
        tags,
        params: ModelParams,
        querystring: PageQuery,
        response: { 200: ModelVersionPage },
      },
    },
    async ({ params, query }) =>
      (await registry.versions(params.project, params.model, query)) as z.input<typeof ModelVersionPage>,
  )
}

function versionRoutes(app: App, { registry }: Parts): void {
  app.get(
    '/api/v1/model-versions/:id',
    {
      schema: {
        summary: 'A model version: what it is, evaluation, gate, transitions',
        tags,
        params: VersionParams,
        response: { 200: ModelVersionWire },
      },
    },
    async ({ params }) => registry.version(params.id),
  )

  app.post(
    '/api/v1/model-versions/:id/transitions',
    {
      schema: {
        summary: 'Move a version to another stage',
        tags,
        params: VersionParams,
        body: TransitionBody,
        response: { 200: ModelVersionWire },
      },
    },
    async ({ params, body, actor }) => registry.transition(params.id, { ...body, actor }),
  )

  app.get(
    '/api/v1/model-versions/:id/files',
    {
      schema: {
        summary: 'The files of a version, as the folder that MLflow loads',
        tags,
        params: VersionParams,
        response: { 200: FileList },
      },
    },
    async ({ params }) => ({
      items: Object.entries(await registry.files(params.id)).map(([path, { digest, size }]) => ({
        path,
        digest,
        size,
      })),
    }),
  )
}

function aliasRoutes(app: App, { registry, registeredModels }: Parts): void {
  app.get(
    '/api/v1/projects/:project/models/:model/alias-moves',
    {
      schema: {
        summary: 'What became of the aliases of a model, newest first',
        tags,
        params: ModelParams,
        querystring: PageQuery,
        response: { 200: AliasMovePage },
      },
    },
    async ({ params, query }) =>
      (await registry.aliasMoves(params.project, params.model, query)) as z.input<typeof AliasMovePage>,
  )

  app.put(
    '/api/v1/projects/:project/models/:model/aliases/:alias',
    {
      schema: {
        summary: 'Point an alias at a version',
        tags,
        params: AliasParams,
        body: AliasBody,
        response: { 204: z.null() },
      },
    },
    async ({ params: { project, model, alias }, body: { version, reason }, actor }, reply) => {
      const place = { project, name: model, fullName: fullNameOf(project, model), said: model }
      await registeredModels.setAlias(place, { alias, version }, { actor, reason })
      return reply.code(204).send(null)
    },
  )
}
