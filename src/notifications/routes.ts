import { z } from 'zod'
import type { App } from '#http'
import { Name, PageQuery } from '#kernel/wire.ts'
import type { Notifications } from './notifications.ts'
import { ChannelList, NotificationPage, NotificationWire, TestAnswer } from './wire.ts'

const tags = ['notifications']
const ProjectParams = z.object({ project: Name })

export function notificationRoutes(app: App, notifications: Notifications): void {
  app.get(
    '/api/v1/projects/:project/notifications/channels',
    {
      schema: {
        summary: 'Channels of a project, and what they are told of',
        tags,
        params: ProjectParams,
        response: { 200: ChannelList },
      },
    },
    async ({ params }) => ({ items: [...(await notifications.channels(params.project))] }),
  )

  app.post(
    '/api/v1/projects/:project/notifications/channels/:channel/test',
    {
      schema: {
        summary: 'Send an example to a channel, once and now',
        tags,
        params: ProjectParams.extend({ channel: Name }),
        response: { 200: TestAnswer },
      },
    },
    async ({ params }) => notifications.test(params.project, params.channel),
  )

  app.get(
    '/api/v1/projects/:project/notifications',
    {
      schema: {
        summary: 'Messages of a project and what became of them, newest first',
        tags,
        params: ProjectParams,
        querystring: PageQuery.extend({
          channel: Name.optional(),
          state: z.enum(['waiting', 'delivered', 'failed']).optional(),
        }),
        response: { 200: NotificationPage },
      },
    },
    async ({ params, query: { channel, state, ...page } }) =>
      (await notifications.list({ ...params, channel, state }, page)) as z.input<typeof NotificationPage>,
  )

  app.post(
    '/api/v1/projects/:project/notifications/:notification/resend',
    {
      schema: {
        summary: 'Send again, as a message of its own',
        tags,
        params: ProjectParams.extend({ notification: z.string().max(100) }),
        response: { 201: NotificationWire },
      },
    },
    async ({ params }, reply) => reply.code(201).send(await notifications.resend(params.project, params.notification)),
  )
}
