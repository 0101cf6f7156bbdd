import { z } from 'zod'
import { Instant } from '#kernel/wire.ts'

const KeyText = z.object({ key: z.string().max(500), value: z.string().max(200_000) })

/** A registered model of another registry, in MLflow's words for stages. */
export const ImportedModelWire = z
  .object({
    name: z.string().min(1).max(256),
    description: z.string().max(100_000),
    createdAt: Instant,
    updatedAt: Instant,
    tags: z.array(KeyText).max(10_000),
    aliases: z.array(z.object({ alias: z.string().max(255), version: z.int().min(1) })).max(10_000),
    versions: z
      .array(
        z.object({
          version: z.int().min(1).max(1_000_000_000),
          description: z.string().max(100_000),
          source: z.string().max(2_048),
          run: z.string().max(100).optional(),
          runLink: z.string().max(2_048).optional(),
          stage: z.enum(['None', 'Staging', 'Production', 'Archived']),
          user: z.string().max(1_000),
          createdAt: Instant,
          updatedAt: Instant,
          tags: z.array(KeyText).max(10_000),
        }),
      )
      .max(100_000),
  })
  .meta({ title: 'ImportedModel' })

export type ImportedModel = z.output<typeof ImportedModelWire>
export type ImportedVersion = ImportedModel['versions'][number]
