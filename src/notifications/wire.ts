import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'

/** Channels and what became of messages, as JSON. */

export const ChannelWire = z
  .object({
    name: z.string(),
    type: z.enum(['webhook', 'slack', 'email']),
    /** Where it leads, without what is secret. */
    target: z.string(),
    /** Declared by the project, or by the settings of the platform. */
    from: z.enum(['project', 'platform']),
    /** What it is told of. */
    on: z.array(z.string()),
  })
  .meta({ title: 'Channel' })
export const ChannelList = z.object({ items: z.array(ChannelWire) })

export const NotificationWire = z
  .object({
    /** Also the id that receivers are told, in `webhook-id` or the Message-ID: the same at every try. */
    id: z.string(),
    project: z.string(),
    channel: z.string(),
    /** Of the event that it tells; absent of what is sent again. */
    event: z.int().optional(),
    /** The one that it repeats. */
    replayOf: z.string().optional(),
    kind: z.string(),
    title: z.string(),
    why: z.string().optional(),
    next: z.string().optional(),
    path: z.string(),
    state: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int(),
    status: z.int().optional(),
    answer: z.string().optional(),
    error: z.string().optional(),
    createdAt: Instant,
    nextAt: Instant.optional(),
    endedAt: Instant.optional(),
  })
  .meta({ title: 'Notification' })
export const NotificationPage = pageOf(NotificationWire)

export const TestAnswer = z.object({
  success: z.boolean(),
  status: z.int().optional(),
  answer: z.string().optional(),
  error: z.string().optional(),
})
