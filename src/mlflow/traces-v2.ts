import { z } from 'zod'
import { traceStates, type Labels } from '#traces'
import { id, int64, KeyValue, many } from './field.ts'
import type { Declare } from './route.ts'
import { Millisecond, traceJsonV2 } from './trace-json.ts'
import { onExperiment, readable } from './experiment-scope.ts'
import { onTrace } from './trace-scope.ts'
import type { TraceCallParts } from './traces.ts'

const Pairs = many(KeyValue)
const OneTrace = z.object({ request_id: z.string() })

/** By name, or by number in MLflow's protobuf. */
const Status = z.union([
  z
    .enum([...traceStates, 'TRACE_STATUS_UNSPECIFIED'])
    .transform(name => (name === 'TRACE_STATUS_UNSPECIFIED' ? 'STATE_UNSPECIFIED' : name)),
  z
    .int()
    .min(0)
    .max(3)
    .transform(number => (['STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS'] as const)[number]!),
])

const labelsOf = (pairs: readonly { key: string; value: string }[]): Labels =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]))

/** Traces as clients of version 2 see them: begun, ended, and their spans put among the artifacts by the client. */
export const traceV2Calls =
  ({ traces, experiments }: TraceCallParts) =>
  (declare: Declare): void => {
    declare({
      method: 'POST',
      path: '2.0/mlflow/traces',
      input: z.object({
        experiment_id: id,
        timestamp_ms: Millisecond,
        request_metadata: Pairs,
        tags: Pairs,
      }),
      may: onExperiment(experiments)('edit'),
      async handle({ experiment_id, timestamp_ms, request_metadata, tags }) {
        const labels = { metadata: labelsOf(request_metadata), tags: labelsOf(tags) }
        return { trace_info: traceJsonV2(await traces.begin(experiment_id, timestamp_ms, labels)) }
      },
    })

    declare({
      method: 'PATCH',
      path: '2.0/mlflow/traces/:request_id',
      input: OneTrace.extend({
        timestamp_ms: Millisecond,
        status: Status.default('STATE_UNSPECIFIED'),
        request_metadata: Pairs,
        tags: Pairs,
      }),
      may: onTrace(traces)('edit'),
      async handle({ request_id, timestamp_ms, status, request_metadata, tags }) {
        const labels = { metadata: labelsOf(request_metadata), tags: labelsOf(tags) }
        return {
          trace_info: traceJsonV2(await traces.finish(request_id, { at: timestamp_ms, state: status, ...labels })),
        }
      },
    })

    declare({
      method: 'GET',
      path: '2.0/mlflow/traces/:request_id/info',
      input: OneTrace,
      may: onTrace(traces)('read'),
      handle: async ({ request_id }) => ({ trace_info: traceJsonV2(await traces.get(request_id)) }),
    })

    declare({
      method: 'GET',
      path: '2.0/mlflow/traces',
      input: z.object({
        experiment_ids: many(id),
        filter: z.string().optional(),
        max_results: int64.pipe(z.int().min(1).max(500)).default(100),
        order_by: many(z.string()),
        page_token: z.string().optional(),
      }),
      may: 'anyone',
      async handle({ experiment_ids, filter, max_results, order_by, page_token }, caller) {
        const { items, next } = await traces.search({
          experiments: await readable(experiments, experiment_ids, caller),
          filter,
          order: order_by,
          limit: max_results,
          after: page_token || undefined,
        })
        return { traces: items.map(traceJsonV2), next_page_token: next }
      },
    })
  }
