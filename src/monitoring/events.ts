import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { incidentKinds, receivers } from './wire.ts'

/** `ok`; `warn`: something exceeded or drift lasts; `alarm`: something opens an incident. */
export const windowStates = ['ok', 'warn', 'alarm'] as const

/** A window was judged, for the first time or again because more of its truth is known. */
export const windowEvaluated = defineEvent(
  'monitoring.window_evaluated',
  z.object({ deployment: z.string(), window: z.string(), state: z.enum(windowStates), revision: z.string() }),
)

/** Drift has set in: once for each onset. It asks for an evaluation and not for a training. `item` is the feedback item. */
export const driftFound = defineEvent(
  'monitoring.drift_found',
  z.object({
    deployment: z.string(),
    model: z.string(),
    window: z.string(),
    features: z.array(z.string()),
    item: z.string(),
  }),
)

/** Performance is lost beyond doubt: once for each incident. `z` in standard errors. `item` is the feedback item. */
export const performanceLost = defineEvent(
  'monitoring.performance_lost',
  z.object({
    deployment: z.string(),
    model: z.string(),
    window: z.string(),
    incident: z.string(),
    z: z.number(),
    item: z.string(),
  }),
)

export const incidentOpened = defineEvent(
  'monitoring.incident_opened',
  z.object({
    incident: z.string(),
    kind: z.enum(incidentKinds),
    deployment: z.string().optional(),
    source: z.string().optional(),
    title: z.string(),
    severity: z.enum(['page', 'ticket']),
  }),
)

export const incidentResolved = defineEvent(
  'monitoring.incident_resolved',
  z.object({
    incident: z.string(),
    kind: z.enum(incidentKinds),
    deployment: z.string().optional(),
    source: z.string().optional(),
    resolution: z.string(),
  }),
)

/** (27) A feedback item was handed to the stage upstream that can act on it. */
export const feedbackRouted = defineEvent(
  'monitoring.feedback_routed',
  z.object({
    item: z.string(),
    receiver: z.enum(receivers),
    action: z.string(),
    incident: z.string().optional(),
    deployment: z.string().optional(),
    source: z.string().optional(),
  }),
)

/** What really happened became known for so many predictions. */
export const truthReceived = defineEvent(
  'monitoring.truth_received',
  z.object({ deployment: z.string(), count: z.int() }),
)
