import { z } from 'zod'
import { ProcessIdentity } from './processes.ts'

/** What is noted of an attempt that runs: how any process of this machine finds it again. */
export const LocalHandle = z.object({
  executor: z.literal('local'),
  host: z.string(),
  /** The shim. */
  process: ProcessIdentity,
  folder: z.string(),
  log: z.string(),
  /** Where in the log its output begins. */
  logFrom: z.int(),
  /** Digests of the environments it runs in. */
  environments: z.array(z.string()).default([]),
  /** Id of the token that its code was given. */
  token: z.string().nullable(),
})
export type LocalHandle = z.output<typeof LocalHandle>
