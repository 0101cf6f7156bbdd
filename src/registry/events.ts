import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { stages } from './wire.ts'

/** The model's name in its project, its name for MLflow's clients, and whether it is a prompt. */
const model = { model: z.string(), fullName: z.string(), prompt: z.boolean() }
const version = { ...model, version: z.string(), number: z.int() }
const texts = z.record(z.string(), z.string())

export const modelCreated = defineEvent(
  'registry.model_created',
  z.object({ ...model, description: z.string(), tags: texts }),
)
export const modelRenamed = defineEvent('registry.model_renamed', z.object({ ...model, former: z.string() }))
export const modelDeleted = defineEvent('registry.model_deleted', z.object(model))
export const modelTagSet = defineEvent(
  'registry.model_tag_set',
  z.object({ ...model, key: z.string(), value: z.string() }),
)
export const modelTagDeleted = defineEvent('registry.model_tag_deleted', z.object({ ...model, key: z.string() }))

/**
 * A version was recorded. `passed`: whether its gate let it through to staging; absent when a client registered it and
 * no gate was asked. What MLflow's clients said is absent from events written before there were any.
 */
export const versionRegistered = defineEvent(
  'registry.version_registered',
  z.object({
    model: z.string(),
    version: z.string(),
    number: z.int(),
    stage: z.enum(stages),
    passed: z.boolean().optional(),
    fullName: z.string().optional(),
    prompt: z.boolean().optional(),
    source: z.string().optional(),
    trackingRun: z.string().optional(),
    description: z.string().optional(),
    tags: texts.optional(),
  }),
)
export const versionDeleted = defineEvent('registry.version_deleted', z.object(version))
export const versionTagSet = defineEvent(
  'registry.version_tag_set',
  z.object({ ...version, key: z.string(), value: z.string() }),
)
export const versionTagDeleted = defineEvent('registry.version_tag_deleted', z.object({ ...version, key: z.string() }))

/** A version moved. `transition` is the id of the record of it; of a promotion, also of the ledger's node. */
export const stageChanged = defineEvent(
  'registry.stage_changed',
  z.object({
    model: z.string(),
    version: z.string(),
    number: z.int(),
    from: z.enum(stages),
    to: z.enum(stages),
    reason: z.string(),
    transition: z.string(),
    digest: z.string().optional(),
  }),
)

/** An alias points at another version, by number; at none when `to` is absent. */
export const aliasMoved = defineEvent(
  'registry.alias_moved',
  z.object({
    ...model,
    alias: z.string(),
    from: z.int().optional(),
    to: z.int().optional(),
    reason: z.string(),
    move: z.string(),
    digest: z.string().optional(),
  }),
)
