import { join } from 'node:path'
import { z } from 'zod'

export const canaryVerdicts = ['continue', 'reject', 'pass'] as const

/** What a canary has shown beside the live revision, as far as it is a number to watch. */
const WatchedCanary = z.object({
  deployment: z.string(),
  revision: z.string(),
  verdict: z.enum(canaryVerdicts),
  /** Log-likelihood ratios of the sequential tests, in nats. */
  evidence: z.number(),
  slowEvidence: z.number(),
  burn: z.number(),
})
export type WatchedCanary = z.output<typeof WatchedCanary>

/** `canaries.json`: the model server's metrics have it from there. Written whole, read whole. */
export const CanariesFile = z.object({ canaries: z.array(WatchedCanary) })

export const canariesFile = (folder: string): string => join(folder, 'canaries.json')
