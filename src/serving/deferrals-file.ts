import { join } from 'node:path'
import { z } from 'zod'

/** How a deployment answers requests whose clients do not wait. */
const DeferralRule = z.object({
  deployment: z.string(),
  deadlineMs: z.number(),
  /** Requests that may wait in each process. */
  waiting: z.int(),
  /** How long answers are kept, in milliseconds. */
  keepMs: z.number(),
  /** Who is told of each answer, signed with the key. */
  webhook: z.object({ url: z.string(), key: z.string() }).optional(),
})
export type DeferralRule = z.output<typeof DeferralRule>

/** `deferrals.json`: for its owner's eyes, as it has keys of webhooks. Written whole, read whole. */
export const DeferralsFile = z.object({
  /** Which addresses webhooks may have. */
  targets: z.enum(['public', 'any']),
  deployments: z.array(DeferralRule),
})
export type DeferralsFile = z.output<typeof DeferralsFile>

export const deferralsFile = (folder: string): string => join(folder, 'deferrals.json')
/** Requests that wait, answers, and webhooks that are to be sent. */
export const deferralFolder = (folder: string): string => join(folder, 'deferred')
