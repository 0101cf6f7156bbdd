import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { TrainyardError } from '#kernel/error.ts'
import type { Access } from './access.ts'
import { platformRole, readable, roleIn } from './actor.ts'
import { userRoutes } from './user-routes.ts'
import { MeWire, TokenAnswer, TokenBody, TokenList } from './wire.ts'

const tags = ['access']
/** Whoever is known; the handler asks who. */
const own = { role: 'viewer', project: 'caller' } as const

export function accessRoutes(app: App, access: Access): void {
  tokenRoutes(app, access)
  userRoutes(app, access)
  app.get(
    '/api/v1/me',
    { config: own, schema: { summary: 'Who asks, and their roles', tags, response: { 200: MeWire } } },
    async ({ caller }) => {
      const role = platformRole(caller)
      const projects = readable(caller)
      const names = projects === 'all' ? [...caller.roles.keys()] : projects
      return {
        name: caller.name,
        ...(caller.user !== undefined && { user: caller.user }),
        ...(role && { role }),
        roles: names.map(project => ({ project, role: roleIn(caller, project)! })),
      }
    },
  )
}

function tokenRoutes(app: App, access: Access): void {
  app.get(
    '/api/v1/tokens',
    {
      config: own,
      schema: {
        summary: 'Tokens, newest first: all for an administrator, their own for others',
        tags,
        response: { 200: TokenList },
      },
    },
    async ({ caller }) => {
      if (isAdmin({ caller })) return { items: (await access.tokens()).map(token => ({ ...token })) as never }
      return { items: caller.user === undefined ? [] : ((await access.tokens(caller.user)) as never) }
    },
  )

  app.post(
    '/api/v1/tokens',
    {
      config: own,
      schema: {
        summary: 'Make a token; the secret is shown once',
        tags,
        body: TokenBody,
        response: { 200: TokenAnswer },
      },
    },
    async ({ body, caller }) => {
      if (isAdmin({ caller })) return (await access.createToken(body)) as never
      // A token makes no tokens: what narrows it or lets it expire would be lost.
      const { user, byToken } = caller
      if (user === undefined || byToken || (body.user ?? user) !== user)
        throw refused('Only administrators, and users who signed in with their password for themselves, make tokens.')
      return (await access.createToken({ ...body, user })) as never
    },
  )

  app.delete(
    '/api/v1/tokens/:id',
    { config: own, schema: { summary: 'Revoke a token', tags, params: z.object({ id: z.string().max(100) }) } },
    async ({ params, caller }, reply) => {
      if (!isAdmin({ caller })) {
        const token = await access.token(params.id)
        if (caller.user === undefined || token.user !== caller.user)
          throw refused('Only administrators revoke tokens of others.')
      }
      await access.revokeToken(params.id)
      return reply.code(204).send()
    },
  )
}

const isAdmin = ({ caller }: Pick<FastifyRequest, 'caller'>): boolean => platformRole(caller) === 'admin'

const refused = (message: string): TrainyardError => new TrainyardError('forbidden', message)
