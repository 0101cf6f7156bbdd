import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** A branch has a new head. Several pushes between two looks are one event: `before` is what was announced last. */
export const sourcePushed = defineEvent(
  'source.pushed',
  z.object({ project: z.string(), branch: z.string(), before: z.string().optional(), after: z.string() }),
)
