import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** The online store has the rows of a feature version, up to event time `to`; `rows` were written for it. */
export const materialised = defineEvent(
  'features.materialised',
  z.object({ view: z.string(), version: z.string(), to: z.int(), rows: z.int() }),
)
