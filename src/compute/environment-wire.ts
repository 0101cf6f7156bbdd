import { z } from 'zod'
import { Digest, Instant, PageQuery, pageOf } from '#kernel/wire.ts'
import { environmentKinds } from '#project/wire.ts'
import { durationPattern } from '#kernel/duration.ts'

/** Environments of the server's machine as JSON. */

export const EnvironmentWire = z
  .object({
    digest: Digest,
    kind: z.enum(environmentKinds),
    /** Path of the lock file in the code that it was built for first. */
    lock: z.string(),
    lockDigest: Digest,
    runtime: z.string(),
    /** `cut off`: the server ended while it was being built. */
    state: z.enum(['building', 'ready', 'failed', 'cut off']),
    startedAt: Instant,
    endedAt: Instant.optional(),
    lastUsedAt: Instant,
    /** Bytes. */
    size: z.int().optional(),
    /** Why its build came to nothing. */
    error: z.string().optional(),
    /** Whether a task runs in it, or it is being built. */
    isInUse: z.boolean(),
  })
  .meta({ title: 'Environment' })
export type EnvironmentState = z.output<typeof EnvironmentWire>

export const EnvironmentPage = pageOf(EnvironmentWire)
export const EnvironmentQuery = PageQuery
export const EnvironmentList = z.object({ items: z.array(EnvironmentWire) })
export const EnvironmentParams = z.object({ digest: Digest })
export const TaskParams = z.object({ task: z.string().max(100) })
export const TaskEnvironmentParams = TaskParams.extend(EnvironmentParams.shape)
export const EnvironmentSweepBody = z.object({
  unused: z.string().regex(durationPattern, 'a duration such as 90s, 10m, 1.5h or 30d').optional().meta({
    description: 'A duration such as 90s, 10m, 1.5h or 30d: for how long nothing has used them.',
  }),
})
