import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { ViolationWire } from './wire.ts'

/** New raw data is there: uploaded, or changed in a file on the server. */
export const arrived = defineEvent('data.arrived', z.object({ source: z.string(), digest: z.string() }))

export const versionAdded = defineEvent(
  'data.version_added',
  z.object({ source: z.string(), version: z.string(), number: z.int(), rows: z.int() }),
)

/** `version` is absent when the data could not even be read into one. */
export const contractBroken = defineEvent(
  'data.contract_broken',
  z.object({
    source: z.string(),
    version: z.string().optional(),
    run: z.string().optional(),
    violations: z.array(ViolationWire),
  }),
)

export const contractKept = defineEvent(
  'data.contract_kept',
  z.object({ source: z.string(), version: z.string(), run: z.string().optional() }),
)
