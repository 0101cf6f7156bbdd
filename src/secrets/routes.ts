import { z } from 'zod'
import type { App } from '#http'
import { Name, PageQuery } from '#kernel/wire.ts'
import type { Secrets } from './secrets.ts'
import { RotationWire, SecretBody, SecretName, SecretPage, SecretWire } from './wire.ts'

const tags = ['secrets']
const ProjectParams = z.object({ project: Name })
const SecretParams = z.object({ secret: SecretName })
const ofProject = { role: 'admin' } as const
const ofPlatform = { role: 'admin', project: 'platform' } as const

/** Names go in and out; values go in. */
export function secretRoutes(app: App, secrets: Secrets): void {
  projectSecretRoutes(app, secrets)

  app.get(
    '/api/v1/secrets',
    {
      config: ofPlatform,
      schema: {
        summary: 'Secrets of the platform, which every project may name, by name',
        tags,
        querystring: PageQuery,
        response: { 200: SecretPage },
      },
    },
    async ({ query }) => (await secrets.list(undefined, query)) as z.input<typeof SecretPage>,
  )

  app.put(
    '/api/v1/secrets/:secret',
    {
      config: ofPlatform,
      schema: {
        summary: 'Set a secret of the platform. It is not shown again',
        tags,
        params: SecretParams,
        body: SecretBody,
        response: { 200: SecretWire },
      },
    },
    async ({ params, body, actor }) => secrets.set({ project: undefined, name: params.secret, ...body, actor }),
  )

  app.delete(
    '/api/v1/secrets/:secret',
    { config: ofPlatform, schema: { summary: 'Remove a secret of the platform', tags, params: SecretParams } },
    async ({ params, actor }, reply) => {
      await secrets.remove({ project: undefined, name: params.secret, actor })
      return reply.code(204).send()
    },
  )

  app.post(
    '/api/v1/secrets::rotate',
    {
      config: ofPlatform,
      schema: { summary: 'New keys for everything that is sealed', tags, response: { 200: RotationWire } },
    },
    async ({ actor }) => secrets.rotate(actor),
  )
}

function projectSecretRoutes(app: App, secrets: Secrets): void {
  app.get(
    '/api/v1/projects/:project/secrets',
    {
      config: { role: 'editor' },
      schema: {
        summary: 'Secrets of a project, by name: who has set them and what has used them last',
        tags,
        params: ProjectParams,
        querystring: PageQuery,
        response: { 200: SecretPage },
      },
    },
    async ({ params, query }) => (await secrets.list(params.project, query)) as z.input<typeof SecretPage>,
  )

  app.put(
    '/api/v1/projects/:project/secrets/:secret',
    {
      config: ofProject,
      schema: {
        summary: 'Set a secret. It is not shown again',
        tags,
        params: ProjectParams.extend(SecretParams.shape),
        body: SecretBody,
        response: { 200: SecretWire },
      },
    },
    async ({ params: { project, secret }, body, actor }) => secrets.set({ project, name: secret, ...body, actor }),
  )

  app.delete(
    '/api/v1/projects/:project/secrets/:secret',
    {
      config: ofProject,
      schema: { summary: 'Remove a secret', tags, params: ProjectParams.extend(SecretParams.shape) },
    },
    async ({ params: { project, secret }, actor }, reply) => {
      await secrets.remove({ project, name: secret, actor })
      return reply.code(204).send()
    },
  )
}
