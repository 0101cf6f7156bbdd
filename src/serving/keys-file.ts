import { join } from 'node:path'
import { z } from 'zod'

const Projects = z.union([z.literal('all'), z.array(z.string()).readonly()])

/**
 * `keys.json`: who may ask the model server, which knows their tokens by hash alone and answers without the control
 * plane. Written whole, read whole.
 */
export const KeysFile = z.object({
  keys: z.array(
    z.object({
      /** SHA-256 of the token. */
      hash: z.string(),
      /** Who asks. */
      name: z.string(),
      /** Milliseconds since 1970. */
      expiresAt: z.number().optional(),
      /** Projects whose deployments it may look at. */
      reads: Projects,
      /** Projects whose deployments it may ask. */
      asks: Projects,
      /** The only ones that it may ask; absent is no such limit. */
      deployments: z.array(z.string()).readonly().optional(),
    }),
  ),
})
export type ServingKey = z.input<typeof KeysFile>['keys'][number]

export const keysFile = (folder: string): string => join(folder, 'keys.json')
