import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { durationMs, durationPattern } from '#kernel/duration.ts'
import { Name } from '#kernel/wire.ts'
import type { Purge, Purged } from './purge.ts'
import type { Tracking } from './tracking.ts'
import { experimentResource, ownerResource } from './resource.ts'

export interface TrashRouteParts {
  readonly tracking: Pick<Tracking, 'experiments' | 'runs'>
  readonly trash: Purge
}

const tags = ['tracking']
// Each handler asks for the permission on what the path names.
const config = { role: 'viewer', project: 'caller', may: 'edit' } as const
const Done = { 200: z.object({}) }
const Id = z.object({ id: z.string().max(64) })

const Choice = z.object({
  olderThan: z
    .string()
    .regex(durationPattern)
    .default('30d')
    .meta({ description: 'What was deleted longer ago is thrown away: 90s, 10m, 1.5h, 30d.' }),
})

const PurgedWire = z
  .object({
    experiments: z.int(),
    runs: z.int(),
    models: z.int().meta({ description: 'Logged models of the runs and experiments.' }),
  })
  .meta({ title: 'Purged' })

/** The trash: into it, out of it, and the end of what has lain there long enough. */
export function trashRoutes(app: App, parts: TrashRouteParts): void {
  runRoutes(app, parts)
  experimentRoutes(app, parts)
  purgeRoutes(app, parts)
}

function runRoutes(app: App, { tracking: { runs } }: TrashRouteParts): void {
  const permit = (request: FastifyRequest, id: string): Promise<object> =>
    request.permit('manage', runs.ownerOf(id).then(ownerResource))

  app.delete(
    '/api/v1/tracking-runs/:id',
    { config, schema: { summary: 'Move a tracking run into the trash', tags, params: Id, response: Done } },
    async request => {
      await permit(request, request.params.id)
      await runs.remove(request.params.id)
      return {}
    },
  )

  app.post(
    '/api/v1/tracking-runs/:id/restore',
    { config, schema: { summary: 'Take a tracking run out of the trash', tags, params: Id, response: Done } },
    async request => {
      await permit(request, request.params.id)
      await runs.restore(request.params.id)
      return {}
    },
  )
}

function experimentRoutes(app: App, { tracking: { experiments } }: TrashRouteParts): void {
  const permit = (request: FastifyRequest, id: string): Promise<object> =>
    request.permit('manage', experiments.get(id).then(experimentResource))

  app.delete(
    '/api/v1/experiments/:id',
    { config, schema: { summary: 'Move an experiment and its runs into the trash', tags, params: Id, response: Done } },
    async request => {
      await permit(request, request.params.id)
      await experiments.remove(request.params.id)
      return {}
    },
  )

  app.post(
    '/api/v1/experiments/:id/restore',
    {
      config,
      schema: { summary: 'Take an experiment and its runs out of the trash', tags, params: Id, response: Done },
    },
    async request => {
      await permit(request, request.params.id)
      await experiments.restore(request.params.id)
      return {}
    },
  )
}

function purgeRoutes(app: App, { trash }: TrashRouteParts): void {
  const purge = (olderThan: string, project?: string): Promise<Purged> =>
    trash.purge({ ageMs: durationMs(olderThan), project })

  app.post(
    '/api/v1/projects/:project/purge',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'Throw away for good what has lain in the trash of a project long enough',
        tags,
        params: z.object({ project: Name }),
        body: Choice,
        response: { 200: PurgedWire },
      },
    },
    async ({ params, body }) => purge(body.olderThan, params.project),
  )

  app.post(
    '/api/v1/purge',
    {
      config: { role: 'admin', project: 'platform' },
      schema: {
        summary: 'Throw away for good what has lain in the trash long enough',
        tags,
        body: Choice,
        response: { 200: PurgedWire },
      },
    },
    async ({ body }) => purge(body.olderThan),
  )
}
