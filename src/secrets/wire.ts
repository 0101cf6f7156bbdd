import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'

/** Secrets as JSON: everything but their values, which go in and never out. */

export const secretPattern = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/

export const SecretName = z
  .string()
  .regex(secretPattern, 'letters, digits, `_`, `.` and `-`, starting with a letter, 100 at most')
  .meta({ description: 'Letters, digits, `_`, `.` and `-`, starting with a letter, 100 at most.' })

export const SecretWire = z
  .object({
    /** Absent for a secret of the platform, which every project may name. */
    project: z.string().optional(),
    name: z.string(),
    /** 1, 2, 3 … with every value. */
    version: z.int(),
    setAt: Instant,
    setBy: z.string(),
    usedAt: Instant.optional(),
    /** The task and attempt, the source or the channel. */
    usedBy: z.string().optional(),
  })
  .meta({ title: 'Secret' })
export const SecretPage = pageOf(SecretWire)

/** Wrong values are not repeated in the answer: `writeOnly` says so to the HTTP edge. */
export const SecretBody = z.object({ value: z.string().meta({ writeOnly: true }) })

export const RotationWire = z
  .object({
    /** Fingerprint of the master key that everything is sealed under now. */
    masterKey: z.string(),
    /** Whether the platform has made a new one; it does so when the key is a file of its own. */
    isNew: z.boolean(),
    dataKeys: z.int(),
    /** Texts that were sealed anew. */
    resealed: z.int(),
  })
  .meta({ title: 'Rotation' })
