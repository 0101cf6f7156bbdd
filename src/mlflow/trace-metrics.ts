import { z } from 'zod'
import { aggregationTypes, metricViews, type Traces } from '#traces'
import { readable, type Experiments } from './experiment-scope.ts'
import { double, id, int64, many } from './field.ts'
import type { Declare } from './route.ts'
import { Millisecond } from './trace-json.ts'

const Question = z.object({
  experiment_ids: many(id).pipe(z.array(z.string()).min(1).max(1_000)),
  view_type: z.enum(metricViews),
  metric_name: z.string(),
  aggregations: many(z.object({ aggregation_type: z.enum(aggregationTypes), percentile_value: double.optional() }), 20),
  dimensions: many(z.string(), 5),
  filters: many(z.string(), 20),
  time_interval_seconds: int64.pipe(z.int().min(1).max(10_000_000_000)).optional(),
  start_time_ms: Millisecond.optional(),
  end_time_ms: Millisecond.optional(),
  max_results: int64.pipe(z.int().min(1).max(1_000)).default(1_000),
  page_token: z.string().optional(),
})

/** What dashboards of 3.9 and newer ask of many traces at once. All of it is one page. */
export const traceMetricCalls =
  ({ traces, experiments }: { traces: Pick<Traces, 'measure'>; experiments: Experiments }) =>
  (declare: Declare): void =>
    declare({
      method: 'POST',
      path: '3.0/mlflow/traces/metrics',
      input: Question,
      may: 'anyone',
      async handle(said, caller) {
        const points = await traces.measure({
          experiments: await readable(experiments, said.experiment_ids, caller),
          view: said.view_type,
          metric: said.metric_name,
          aggregations: said.aggregations.map(({ aggregation_type, percentile_value }) => ({
            type: aggregation_type,
            percentile: percentile_value,
          })),
          dimensions: said.dimensions,
          filters: said.filters,
          intervalSeconds: said.time_interval_seconds,
          from: said.start_time_ms,
          to: said.end_time_ms,
          limit: said.max_results,
        })
        return { data_points: points.map(point => ({ metric_name: said.metric_name, ...point })) }
      },
    })
