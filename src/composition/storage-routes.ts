import { z } from 'zod'
import type { App } from '#http'
import { storageKinds, type StorageUse } from './storage-use.ts'

const Amount = z.object({
  files: z.int(),
  bytes: z.int().meta({ description: 'Bytes that are counted for two projects, or as two kinds, are stored once.' }),
})

const ProjectStorageWire = Amount.extend({
  project: z.string(),
  parts: z.record(z.enum(storageKinds), Amount).meta({
    description:
      'tracking: runs, logged models and traces; models: versions, each of them as one file; predictions: the log of them; data: dataset versions with what was read; features: feature versions and training sets; outputs: what tasks have given, and logs: what they said, of runs that have ended.',
  }),
}).meta({ title: 'ProjectStorage' })

/** What is stored, and for whom. */
export function storageRoutes(app: App, use: StorageUse): void {
  app.get(
    '/api/v1/storage',
    {
      config: { role: 'viewer', project: 'caller', may: 'readable' },
      schema: {
        summary: 'What is stored in files for each project that the caller may read, and for all of them together',
        tags: ['storage'],
        response: {
          200: z.object({
            items: z.array(ProjectStorageWire),
            environments: Amount.optional().meta({
              description: 'Packages that tasks run with, on this machine; for who may read every project.',
            }),
          }),
        },
      },
    },
    async ({ readable }) => ({
      items: (await use.projects()).filter(({ project }) => readable === 'all' || readable.includes(project)),
      ...(readable === 'all' && { environments: await use.environments() }),
    }),
  )
}
