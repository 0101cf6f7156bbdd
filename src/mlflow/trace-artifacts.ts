import { z } from 'zod'
import type { App } from '#http'
import { experimentResource } from '#tracking'
import { readInput } from './input.ts'
import type { TraceCallParts } from './traces.ts'

const Input = z.object({ request_id: z.string() })

/** The spans of a trace as a file, for MLflow's pages and whoever saves them: never shown in place. */
export const traceArtifactStreams =
  ({ traces }: Pick<TraceCallParts, 'traces'>) =>
  (scope: App): void => {
    for (const version of ['2.0', '3.0'])
      scope.route({
        method: 'GET',
        url: `/ajax-api/${version}/mlflow/get-trace-artifact`,
        config: { role: 'viewer', project: 'caller' } as object,
        schema: { hide: true } as object,
        async handler(request, reply) {
          const { request_id } = readInput(Input, { query: request.query, body: undefined, params: undefined })
          await request.permit('read', traces.experimentOf(request_id).then(experimentResource))
          return reply
            .type('application/octet-stream')
            .header('content-disposition', 'attachment; filename="traces.json"')
            .header('x-content-type-options', 'nosniff')
            .header('content-security-policy', 'sandbox')
            .send(Buffer.from(await traces.file(request_id)))
        },
      })
  }
