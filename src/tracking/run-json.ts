import type { z } from 'zod'
import { int64Of } from '#kernel/int64.ts'
import { parseExactly } from '#kernel/json.ts'
import type { Bucket } from './block.ts'
import type { Experiment } from './experiment.ts'
import { datasetsOf, keyTextsOf, modelLinksOf } from './run-document.ts'
import type { ExperimentCounts, RunDocument, RunRow } from './store.ts'
import type { StoredPoint } from './metric.ts'
import type { TrackingRun } from './tracking-run.ts'
import type { ExperimentWire, HistoryWire, RunRowWire, TrackingRunWire } from './wire.ts'

/** Experiments and runs as pages and scripts read them. */

export const experimentJson = (
  experiment: Experiment,
  { runs, running, lastRunAt }: ExperimentCounts = { runs: 0, running: 0 },
): z.input<typeof ExperimentWire> => ({
  ...experiment,
  runs,
  running,
  ...(lastRunAt !== undefined && { lastRunAt }),
})

const headJson = ({ id, project, experimentId, name, status, lifecycle, user, startedAt, endedAt }: TrackingRun) => ({
  id,
  project,
  experiment: experimentId,
  name,
  status,
  lifecycle,
  user,
  startedAt,
  ...(endedAt !== undefined && { endedAt }),
})

export const rowJson = ({ run, parent, metrics, params, tags }: RunRow): z.input<typeof RunRowWire> => ({
  ...headJson(run),
  ...(parent !== undefined && { parent }),
  metrics: Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, finite(value)])),
  params,
  tags,
})

interface Point {
  readonly key: string
  readonly value: number | 'NaN'
  readonly timestamp: number
  readonly step: number | string
}

export function runJson(document: RunDocument): z.input<typeof TrackingRunWire> {
  const { run } = document
  const tags = textsOf(document.tags)
  const parent = tags['mlflow.parentRunId']
  return {
    ...headJson(run),
    ...(parent && { parent }),
    artifactUri: run.artifactUri,
    ...(run.run !== undefined && { run: run.run }),
    ...(run.task !== undefined && { task: run.task }),
    metrics: Object.fromEntries(
      (parseExactly(document.metrics, name => name === 'step') as Point[]).map(({ key, value, timestamp, step }) => [
        key,
        metricJson({ value: value === 'NaN' ? Number.NaN : value, step: int64Of(step), timestamp }),
      ]),
    ),
    params: textsOf(document.params),
    tags,
    datasets: datasetsOf(document.datasets).map(datasetJson),
    modelInputs: modelsOf(document.modelInputs),
    modelOutputs: modelsOf(document.modelOutputs),
  }
}

const textsOf = (json: string): Record<string, string> =>
  Object.fromEntries(keyTextsOf(json).map(({ key, value }) => [key, value]))

const modelsOf = (json: string): string[] => [...new Set(modelLinksOf(json).map(({ model }) => model))]

function datasetJson({ tags, ...dataset }: ReturnType<typeof datasetsOf>[number]) {
  const context = tags.find(({ key }) => key === 'mlflow.data.context')?.value
  return { ...dataset, ...(context !== undefined && { context }) }
}

/** Where the first bucket of time begins when it is counted from the run's start. */
export const historyJson = (
  { run, key, from }: { run: string; key: string; from: number },
  buckets: readonly Bucket[],
): z.input<typeof HistoryWire> => ({
  run,
  key,
  points: buckets.reduce((sum, { count }) => sum + count, 0),
  at: buckets.map(({ to }) => to - from),
  low: buckets.map(({ min }) => min ?? null),
  high: buckets.map(({ max }) => max ?? null),
  last: buckets.map(({ last }) => last ?? null),
})

export const metricJson = ({ value, step, timestamp }: StoredPoint) => ({
  value: finite(value),
  step: step as number,
  at: timestamp as never,
})

/** JSON has no NaN. */
const finite = (value: number): number | null => (Number.isNaN(value) ? null : value)
