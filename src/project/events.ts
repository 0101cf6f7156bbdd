import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** What a project declares has changed. `changes` are the paths that did. */
export const projectApplied = defineEvent(
  'project.applied',
  z.object({
    project: z.string(),
    revision: z.string(),
    number: z.int(),
    commit: z.string().optional(),
    changes: z.array(z.string()),
  }),
)
