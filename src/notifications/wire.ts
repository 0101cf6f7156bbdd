import { z } from 'zod'
import { pageOf } from '#kernel/wire.ts'
import { deliveryFields } from '#outbound/wire.ts'

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
    /** Its id is what receivers are told in `webhook-id` or the Message-ID. */
    ...deliveryFields,
    channel: z.string(),
    kind: z.string(),
    title: z.string(),
    why: z.string().optional(),
    next: z.string().optional(),
    path: z.string(),
  })
  .meta({ title: 'Notification' })
export const NotificationPage = pageOf(NotificationWire)

export const TestAnswer = z.object({
  success: z.boolean(),
  status: z.int().optional(),
  answer: z.string().optional(),
  error: z.string().optional(),
})
