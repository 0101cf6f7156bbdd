import { z } from 'zod'
import type { App } from '#http'
import { Name } from '#kernel/wire.ts'
import { ImportedModelWire } from './import-wire.ts'
import type { RegistryImports } from './imports.ts'

export function registryImportRoutes(app: App, imports: RegistryImports): void {
  app.put(
    '/api/v1/projects/:project/imports/registered-models',
    {
      bodyLimit: 64 * 1024 * 1024,
      schema: {
        summary: 'Take in a registered model of another registry, with its version numbers and times',
        tags: ['imports'],
        params: z.object({ project: Name }),
        body: ImportedModelWire,
        response: { 200: ImportedModelWire },
      },
    },
    ({ params, body, actor }) => imports.model(params.project, body, { actor }),
  )
}
