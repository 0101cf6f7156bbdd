import type { z } from 'zod'
import type { NotificationWire } from './wire.ts'

/** One notice on its way to one channel. */
export type Notification = z.output<typeof NotificationWire>
