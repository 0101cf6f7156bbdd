import { z } from 'zod'
import type { App } from '#http'
import { Name, PageQuery } from '#kernel/wire.ts'
import type { Delivery } from './delivery.ts'
import { BuildList } from './wire.ts'

export function deliveryRoutes(app: App, delivery: Delivery): void {
  app.get(
    '/api/v1/projects/:project/builds',
    {
      schema: {
        summary: 'What was pushed and became of it, newest first',
        tags: ['delivery'],
        params: z.object({ project: Name }),
        querystring: PageQuery,
        response: { 200: BuildList },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await delivery.builds(params.project, query)
      return { items: [...items], ...rest }
    },
  )
}
