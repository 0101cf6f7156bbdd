import { z } from 'zod'
import type { App } from '#http'
import { idOf, Name, PageQuery } from '#kernel/wire.ts'
import type { Delivery } from './delivery.ts'
import { BuildList, CanaryMoveList, ConversionWire, ReleaseBody, ReleaseWire } from './wire.ts'

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

  app.post(
    '/api/v1/projects/:project/deployments/:deployment/releases',
    {
      schema: {
        summary: 'Bring a version of a registered model into a deployment, which the project need not declare',
        tags: ['delivery'],
        params: z.object({ project: Name, deployment: Name }),
        body: ReleaseBody,
        response: { 200: ReleaseWire },
      },
    },
    async ({ params, body, actor }) => {
      const run = await delivery.release({ ...params, ...body, actor })
      return run === undefined ? {} : { run }
    },
  )

  app.get(
    '/api/v1/deployments/:deployment/canary-moves',
    {
      schema: {
        summary: 'What was decided of its canaries, newest first, and on what evidence',
        tags: ['delivery'],
        params: z.object({ deployment: Name }),
        response: { 200: CanaryMoveList },
      },
    },
    async ({ params }) => ({ items: [...(await delivery.canaryMoves(params.deployment))] }),
  )

  app.get(
    '/api/v1/model-versions/:id/conversion',
    {
      schema: {
        summary:
          'What became of writing a version as ONNX: whether it gives the same answers, and which of the two is served',
        tags: ['delivery'],
        params: z.object({ id: idOf<'model_version'>('mdv') }),
        response: { 200: ConversionWire },
      },
    },
    ({ params }) => delivery.conversion(params.id),
  )
}
