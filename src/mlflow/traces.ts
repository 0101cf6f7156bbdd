import { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import type { Doomed, Traces } from '#traces'
import { experimentResource } from '#tracking'
import { flag, id, int64, many } from './field.ts'
import type { Declare } from './route.ts'
import { TraceInput, traceDraft, traceJson, wholeJson } from './trace-json.ts'
import { onExperiment, readable, type Experiments } from './experiment-scope.ts'
import { onTrace, readableTraces } from './trace-scope.ts'

export interface TraceCallParts {
  readonly traces: Traces
  readonly experiments: Experiments
}

const ids = many(z.string()).pipe(z.array(z.string().max(200)).max(500))
const OneTrace = z.object({ trace_id: z.string() })
const noAnswer = {}

/** Traces as clients of version 3 see them. */
export const traceCalls =
  (parts: TraceCallParts) =>
  (declare: Declare): void => {
    writeCalls(parts, declare)
    readCalls(parts, declare)
    batchCalls(parts, declare)
    searchCalls(parts, declare)
    tagCalls(parts, declare)
    linkCalls(parts, declare)
  }

function writeCalls({ traces, experiments }: TraceCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: '3.0/mlflow/traces',
    input: z.object({ trace: z.object({ trace_info: TraceInput }) }),
    may: [
      'edit',
      async ({ trace }) =>
        experimentResource(await experiments.get(trace.trace_info.trace_location.mlflow_experiment.experiment_id)),
    ],
    handle: async ({ trace }) => ({
      trace: { trace_info: traceJson(await traces.describe(traceDraft(trace.trace_info))) },
    }),
  })

  for (const version of ['2.0', '3.0'] as const)
    declare({
      method: 'POST',
      path: `${version}/mlflow/traces/delete-traces`,
      input: z.object({
        experiment_id: id,
        max_timestamp_millis: int64.optional(),
        max_traces: int64.optional(),
        request_ids: ids,
      }),
      may: onExperiment(experiments)('manage'),
      handle: async ({ experiment_id, ...which }) => ({
        traces_deleted: await traces.remove(experiment_id, doomedOf(which)),
      }),
    })
}

function doomedOf(which: {
  request_ids: readonly string[]
  max_timestamp_millis?: number | undefined
  max_traces?: number | undefined
}): Doomed {
  const { request_ids, max_timestamp_millis: until, max_traces: limit } = which
  if (request_ids.length > 0 === (until !== undefined))
    throw invalid('Either `max_timestamp_millis` or `request_ids` must be specified, and not both.')
  if (limit !== undefined && (until === undefined || limit <= 0))
    throw invalid('`max_traces` must be positive, and goes with `max_timestamp_millis` only.', [
      { field: 'max_traces', value: limit, allowed: 'a positive number' },
    ])
  return until === undefined ? { ids: request_ids } : { until, limit }
}

function readCalls({ traces }: TraceCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: '3.0/mlflow/traces/:trace_id',
    input: OneTrace,
    may: onTrace(traces)('read'),
    handle: async ({ trace_id }) => ({ trace: { trace_info: traceJson(await traces.get(trace_id)) } }),
  })

  declare({
    method: 'GET',
    path: '3.0/mlflow/traces/get',
    input: OneTrace.extend({ allow_partial: flag.default(false) }),
    may: onTrace(traces)('read'),
    async handle({ trace_id, allow_partial }) {
      if (allow_partial) return `{"trace":${wholeJson(await traces.getPartial(trace_id))}}`
      return `{"trace":${wholeJson(await traces.getComplete(trace_id))}}`
    },
  })
}

function batchCalls(parts: TraceCallParts, declare: Declare): void {
  const { traces } = parts
  const Batch = z.object({ trace_ids: ids, experiment_ids: many(id) })
  const wanted = async (
    { trace_ids, experiment_ids }: z.output<typeof Batch>,
    caller: Parameters<typeof readable>[2],
  ) => {
    const found = await readableTraces(parts, trace_ids, caller)
    if (experiment_ids.length === 0) return found
    const owners = await traces.experimentsOf(found)
    return found.filter(trace => experiment_ids.includes(owners.get(trace) ?? ''))
  }

  declare({
    method: 'GET',
    path: '3.0/mlflow/traces/batchGet',
    input: Batch,
    may: 'anyone',
    handle: async (said, caller) =>
      `{"traces":[${(await traces.getWhole(await wanted(said, caller))).map(wholeJson).join(',')}]}`,
  })

  declare({
    method: 'POST',
    path: '3.0/mlflow/traces/batchGetInfos',
    input: Batch,
    may: 'anyone',
    handle: async (said, caller) => ({
      trace_infos: (await traces.getMany(await wanted(said, caller))).map(traceJson),
    }),
  })
}

const pageMax = 500

function searchCalls({ traces, experiments }: TraceCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: '3.0/mlflow/traces/search',
    input: z.object({
      locations: many(
        z.object({ mlflow_experiment: z.object({ experiment_id: id }) }, 'Locations must be a list of experiment IDs'),
      ),
      filter: z.string().optional(),
      max_results: int64.pipe(z.int().min(1).max(pageMax)).default(100),
      order_by: many(z.string()),
      page_token: z.string().optional(),
    }),
    may: 'anyone',
    async handle({ locations, filter, max_results, order_by, page_token }, caller) {
      const asked = locations.map(location => location.mlflow_experiment.experiment_id)
      const { items, next } = await traces.search({
        experiments: await readable(experiments, asked, caller),
        filter,
        order: order_by,
        limit: max_results,
        after: page_token || undefined,
      })
      return { traces: items.map(traceJson), next_page_token: next }
    },
  })

  declare({
    method: 'POST',
    path: '3.0/mlflow/traces/calculate-filter-correlation',
    input: z.object({
      experiment_ids: many(id).pipe(z.array(z.string()).min(1)),
      filter_string1: z.string(),
      filter_string2: z.string(),
      base_filter: z.string().optional(),
    }),
    may: 'anyone',
    async handle({ experiment_ids, filter_string1, filter_string2, base_filter }, caller) {
      const found = await traces.correlate(await readable(experiments, experiment_ids, caller), {
        first: filter_string1,
        second: filter_string2,
        base: base_filter,
      })
      return {
        npmi: double(found.npmi),
        npmi_smoothed: Number.isNaN(found.npmiSmoothed) ? undefined : found.npmiSmoothed,
        filter1_count: found.first,
        filter2_count: found.second,
        joint_count: found.joint,
        total_count: found.total,
      }
    },
  })
}

const double = (value: number): number | string => (Number.isFinite(value) ? value : String(value))

function tagCalls({ traces }: TraceCallParts, declare: Declare): void {
  const Which = z.object({ request_id: z.string().optional(), trace_id: z.string().optional(), key: z.string() })
  const idOf = ({ trace_id, request_id }: z.output<typeof Which>): string => trace_id ?? request_id ?? ''
  for (const place of ['2.0/mlflow/traces/:request_id/tags', '3.0/mlflow/traces/:trace_id/tags'] as const) {
    declare({
      method: 'PATCH',
      path: place,
      input: Which.extend({ value: z.string().default('') }),
      may: onTrace(traces)('edit'),
      async handle(said) {
        await traces.tag(idOf(said), said.key, said.value)
        return noAnswer
      },
    })
    declare({
      method: 'DELETE',
      path: place,
      input: Which,
      may: onTrace(traces)('edit'),
      async handle(said) {
        await traces.untag(idOf(said), said.key)
        return noAnswer
      },
    })
  }
}

function linkCalls(parts: TraceCallParts, declare: Declare): void {
  const { traces } = parts
  declare({
    method: 'POST',
    path: '2.0/mlflow/traces/link-to-run',
    input: z.object({
      trace_ids: many(z.string()).pipe(z.array(z.string()).max(100, 'at most 100 traces are linked at once')),
      run_id: z.string(),
    }),
    may: ['edit', async ({ run_id }) => experimentResource(await traces.experimentOfRun(run_id))],
    async handle({ trace_ids, run_id }, caller) {
      await traces.linkRun(await readableTraces(parts, trace_ids, caller), run_id)
      return noAnswer
    },
  })

  declare({
    method: 'POST',
    path: '2.0/mlflow/traces/link-prompts',
    input: OneTrace.extend({
      prompt_versions: many(z.object({ name: z.string().max(500), version: z.string().max(100) })),
    }),
    may: onTrace(traces)('edit'),
    async handle({ trace_id, prompt_versions }) {
      await traces.linkPrompts(trace_id, prompt_versions)
      return noAnswer
    },
  })
}
