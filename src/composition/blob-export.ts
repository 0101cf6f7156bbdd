import { z } from 'zod'
import type { App } from '#http'
import { Digest, pageOf, PageQuery } from '#kernel/wire.ts'
import type { Blobs } from '#storage'

/** Which bytes there are, for whoever leaves the platform; each is read at `/api/v1/blobs/:digest`. */
export function blobExportRoutes(app: App, blobs: Pick<Blobs, 'list'>): void {
  app.get(
    '/api/v1/export/blobs',
    {
      config: { role: 'admin', project: 'platform' },
      schema: {
        summary: 'All bytes that are kept, in the order of their digests',
        tags: ['export'],
        querystring: PageQuery,
        response: { 200: pageOf(z.object({ digest: Digest, size: z.int() })) },
      },
    },
    async ({ query }) => {
      const { items, ...rest } = await blobs.list(query)
      return { items: [...items], ...rest }
    },
  )
}
