import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { verdicts } from './wire.ts'

/** Somebody approved or rejected a version. `complete`: with it nothing is missing any more. */
export const versionJudged = defineEvent(
  'assurance.version_judged',
  z.object({
    model: z.string(),
    version: z.string(),
    number: z.int(),
    verdict: z.enum(verdicts),
    reason: z.string(),
    complete: z.boolean(),
  }),
)

/** The files of a version were read, and something in them is dangerous. */
export const dangerFound = defineEvent(
  'assurance.danger_found',
  z.object({ model: z.string(), version: z.string(), number: z.int(), findings: z.array(z.string()) }),
)
