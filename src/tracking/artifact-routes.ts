import { z } from 'zod'
import type { App } from '#http'
import type { ArtifactSweep } from './artifact-sweep.ts'

const Amount = z.object({ blobs: z.int(), bytes: z.int() })
const SweepWire = z
  .object({
    freed: Amount.meta({ description: 'Removed for good.' }),
    trashed: Amount.meta({ description: 'Moved to the trash, to be removed after another grace.' }),
    waiting: Amount.meta({ description: 'In the trash, and not yet long enough.' }),
    kept: Amount.meta({ description: 'Lost a path, and something else refers to it or has written it again.' }),
  })
  .meta({ title: 'FreedStorage' })

const ofPlatform = { role: 'admin', project: 'platform' } as const

/** How the bytes of files that are gone are freed. */
export function artifactRoutes(app: App, sweep: Pick<ArtifactSweep, 'preview' | 'run'>): void {
  app.get(
    '/api/v1/storage/sweep',
    {
      config: ofPlatform,
      schema: {
        summary: 'What would be freed now of the bytes of deleted files',
        tags: ['tracking'],
        response: { 200: SweepWire },
      },
    },
    () => sweep.preview(),
  )

  app.post(
    '/api/v1/storage/sweep',
    {
      config: ofPlatform,
      schema: {
        summary: 'Free it now, as the platform does every hour',
        tags: ['tracking'],
        response: { 200: SweepWire },
      },
    },
    () => sweep.run(),
  )
}
