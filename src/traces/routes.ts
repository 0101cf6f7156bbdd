import { z } from 'zod'
import type { App } from '#http'
import { experimentResource } from '#tracking'
import type { Experiments } from './ports.ts'
import type { Traces } from './traces.ts'
import { TracePage, TraceQuery, WholeTraceWire } from './wire.ts'

const tags = ['traces']
// The project is that of an experiment, which the handler looks up and asks for.
const config = { project: 'caller' } as object

export function traceRoutes(app: App, { traces, experiments }: { traces: Traces; experiments: Experiments }): void {
  app.get(
    '/api/v1/experiments/:experiment/traces',
    {
      config,
      schema: {
        summary: 'Traces of an experiment, newest first',
        tags,
        params: z.object({ experiment: z.string() }),
        querystring: TraceQuery,
        response: { 200: TracePage },
      },
    },
    async request => {
      const { id } = await request.permit('read', experiments.get(request.params.experiment).then(experimentResource))
      const { order, ...query } = request.query
      const { items, ...rest } = await traces.search({ ...query, experiments: [id], order: order ? [order] : [] })
      return { items: [...items], ...rest } as z.input<typeof TracePage>
    },
  )

  app.get(
    '/api/v1/traces/:id',
    {
      config,
      schema: {
        summary: 'A trace with its spans',
        tags,
        params: z.object({ id: z.string() }),
        response: { 200: WholeTraceWire },
      },
    },
    async request => {
      await request.permit('read', traces.experimentOf(request.params.id).then(experimentResource))
      return (await traces.getPartial(request.params.id)) as z.input<typeof WholeTraceWire>
    },
  )
}
