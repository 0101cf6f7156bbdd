import { z } from 'zod'
import type { App } from '#http'
import { TrainyardError } from '#kernel/error.ts'
import { Name, PageQuery } from '#kernel/wire.ts'
import type { Access } from './access.ts'
import { changeUser, requireSelfOrAdmin } from './self.ts'
import {
  MemberBody,
  MemberPage,
  MemberWire,
  UserBody,
  UserChangeBody,
  UserDetail,
  UserName,
  UserPage,
  UserWire,
} from './wire.ts'

const tags = ['access']
const admin = { role: 'admin', project: 'platform' } as const
const own = { role: 'viewer', project: 'caller' } as const
/** Who manages a project decides who works in it. */
const manager = { role: 'admin' } as const
const ofUser = z.object({ user: UserName })
const ofMember = z.object({ project: Name, user: UserName })

export function userRoutes(app: App, access: Access): void {
  const { users, grants } = access
  app.get(
    '/api/v1/users',
    { config: admin, schema: { summary: 'Users by name', tags, querystring: PageQuery, response: { 200: UserPage } } },
    async ({ query }) => (await users.list(query)) as never,
  )
  app.post(
    '/api/v1/users',
    { config: admin, schema: { summary: 'Make a user', tags, body: UserBody, response: { 201: UserWire } } },
    async ({ body }, reply) => reply.code(201).send(await users.create(body)),
  )
  app.get(
    '/api/v1/users/:user',
    {
      config: own,
      schema: { summary: 'A user with roles and grants', tags, params: ofUser, response: { 200: UserDetail } },
    },
    async ({ params, caller }) => {
      requireSelfOrAdmin(caller, params.user)
      const { user, roles } = await users.get(params.user)
      return {
        user,
        roles: [...roles].map(([project, role]) => ({ user: user.name, project, role })),
        grants: [...(await grants.of(user.name))],
      }
    },
  )
  app.put(
    '/api/v1/users/:user',
    {
      config: own,
      schema: {
        summary: 'Change the password, or the role in every project',
        tags,
        params: ofUser,
        body: UserChangeBody,
        response: { 200: UserWire },
      },
    },
    async ({ params, body, caller }) => {
      await changeUser(access, caller, { name: params.user, ...body })
      return (await users.get(params.user)).user
    },
  )
  app.delete(
    '/api/v1/users/:user',
    { config: admin, schema: { summary: 'Remove a user with tokens, roles and grants', tags, params: ofUser } },
    async ({ params, caller }, reply) => {
      if (caller.user === params.user) throw new TrainyardError('forbidden', 'Nobody removes themselves.')
      await users.remove(params.user)
      return reply.code(204).send()
    },
  )
  memberRoutes(app, access)
}

function memberRoutes(app: App, { users }: Access): void {
  app.get(
    '/api/v1/projects/:project/members',
    {
      schema: {
        summary: 'Who has a role in this project',
        tags,
        params: z.object({ project: Name }),
        querystring: PageQuery,
        response: { 200: MemberPage },
      },
    },
    async ({ params, query }) => (await users.members(params.project, query)) as never,
  )
  app.put(
    '/api/v1/projects/:project/members/:user',
    {
      config: manager,
      schema: {
        summary: 'Give a user a role in this project',
        tags,
        params: ofMember,
        body: MemberBody,
        response: { 200: MemberWire },
      },
    },
    async ({ params, body }) => {
      await users.putMember({ ...params, ...body })
      return { ...params, ...body }
    },
  )
  app.delete(
    '/api/v1/projects/:project/members/:user',
    {
      config: manager,
      schema: { summary: 'Take a user out of this project, with what was granted in it', tags, params: ofMember },
    },
    async ({ params }, reply) => {
      await users.removeMember(params.user, params.project)
      return reply.code(204).send()
    },
  )
}
