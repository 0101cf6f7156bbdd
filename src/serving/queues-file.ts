import { join } from 'node:path'
import { z } from 'zod'

/** A queue that a deployment answers, with the address of its broker. */
const QueueRoute = z.object({
  deployment: z.string(),
  name: z.string(),
  /** With the password in it. */
  broker: z.string(),
  input: z.string(),
  output: z.string(),
  deadLetter: z.string(),
  format: z.enum(['invocations', 'v2']),
  /** Messages that are answered at the same time. */
  inFlight: z.int(),
})
export type QueueRoute = z.output<typeof QueueRoute>

/** `queues.json`: for its owner's eyes, as addresses of brokers have passwords in them. Written whole, read whole. */
export const QueuesFile = z.object({ queues: z.array(QueueRoute) })

export const queuesFile = (folder: string): string => join(folder, 'queues.json')
/** What the model server says of its queues to the control plane. */
export const queuesPath = '/v2/trainyard/queues'

/** What kind of broker an address is of: all of it that may be shown. */
export const schemeOf = (broker: string): string => broker.split(':')[0]!
