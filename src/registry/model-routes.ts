import { z } from 'zod'
import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { Name } from '#kernel/wire.ts'
import type { RegisteredModel } from './registered-model.ts'
import type { RegisteredModels } from './registered-models.ts'
import type { RegisteredVersions } from './registered-versions.ts'
import { ModelVersionWire, RegisteredModelPage, RegisteredModelWire } from './wire.ts'

const tags = ['registry']
// Each handler asks for the permission, or leaves out what may not be read.
const config = { role: 'viewer', project: 'caller', may: 'readable' } as const

interface Parts {
  readonly registeredModels: RegisteredModels
  readonly registeredVersions: Pick<RegisteredVersions, 'get'>
}

const resourceOf = ({ project, fullName }: Pick<RegisteredModel, 'project' | 'fullName'>) =>
  ({ project, kind: 'registered_model', id: fullName }) as const

/** Registered models over all projects, as MLflow's clients name them. */
export function modelRoutes(app: App, { registeredModels, registeredVersions }: Parts): void {
  app.get(
    '/api/v1/models',
    {
      config,
      schema: {
        summary: 'Registered models that the caller may read, by name',
        tags,
        querystring: z.object({
          limit: z.int().min(1).max(500).default(100),
          after: z.string().max(4_000).optional(),
          filter: z.string().max(4_096).optional(),
        }),
        response: { 200: RegisteredModelPage },
      },
    },
    async request => {
      const { limit, ...query } = request.query
      const { readable: projects } = request
      const readable =
        projects === 'all' ? projects : { projects, fullNames: await request.granted('registered_model') }
      const found = await registeredModels.search({ ...query, limit, readable, orderBy: [] })
      const shown = found.slice(0, limit)
      const items: z.input<typeof RegisteredModelWire>[] = []
      for (const { row } of shown) if (await request.mayRead(resourceOf(row))) items.push(row)
      return { items, ...(found.length > limit && { next: shown.at(-1)!.token }) }
    },
  )

  app.get(
    '/api/v1/models/:name',
    {
      config,
      schema: {
        summary: 'A registered model by its name for clients of MLflow: `rain.umbrella`',
        tags,
        params: z.object({ name: z.string().max(512) }),
        response: { 200: RegisteredModelWire },
      },
    },
    async request => {
      const place = await registeredModels.place(request.params.name, request.workspace)
      await request.permit('read', resourceOf(place))
      return registeredModels.get(place)
    },
  )

  app.get(
    '/api/v1/projects/:project/models/:model/versions/:version',
    {
      schema: {
        summary: 'A version of a model by its number',
        tags,
        params: z.object({ project: Name, model: z.string().min(1).max(256), version: z.string().max(20) }),
        response: { 200: ModelVersionWire },
      },
    },
    async ({ params: { project, model, version } }) => {
      if (!/^\d+$/.test(version)) throw notFound('model version', `${model} ${version}`)
      return registeredVersions.get({ project, name: model, fullName: model, said: model, version: Number(version) })
    },
  )
}
