import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { criteria } from './wire.ts'

export const studyStarted = defineEvent('tuning.study_started', z.object({ study: z.string(), name: z.string() }))

/** No trial is given any more. `best` is absent when none was complete. */
export const studyEnded = defineEvent(
  'tuning.study_ended',
  z.object({
    study: z.string(),
    name: z.string(),
    criterion: z.enum(criteria),
    trials: z.int(),
    metric: z.string(),
    best: z.object({ number: z.int(), value: z.number() }).optional(),
  }),
)
