import type { z } from 'zod'
import type { Delivery } from '#outbound'
import type { NotificationWire } from './wire.ts'

/** One notice on its way to one channel. */
export type Notification = z.output<typeof NotificationWire>

/** What it says. */
export type Message = Pick<Notification, 'kind' | 'title' | 'why' | 'next' | 'path'>

export const shownNotification = ({ receiver, message, ...rest }: Delivery<Message>): Notification => ({
  ...rest,
  channel: receiver,
  ...message,
})
