import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** The audit of secrets. Events without a project are about a secret of the platform. */

export const secretSet = defineEvent('secrets.secret_set', z.object({ name: z.string(), version: z.int() }))
export const secretRemoved = defineEvent('secrets.secret_removed', z.object({ name: z.string() }))

/** Values were handed out. `by`: the task and attempt, the source or the channel that asked. */
export const secretsUsed = defineEvent(
  'secrets.secrets_used',
  z.object({ names: z.array(z.string()), by: z.string(), run: z.string().optional() }),
)

export const keysRotated = defineEvent(
  'secrets.keys_rotated',
  z.object({ masterKey: z.string(), dataKeys: z.int(), resealed: z.int() }),
)
