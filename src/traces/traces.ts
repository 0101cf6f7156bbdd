import { randomBytes } from 'node:crypto'
import { invalid, notFound } from '#kernel/error.ts'
import type { Millis } from '#kernel/clock.ts'
import { parseFilter, parseOrder } from '#search'
import { createAssessments, newAssessment, type AssessmentDraft, type Assessments } from './assessments.ts'
import { correlate, type Correlation } from './correlation.ts'
import { previewsOf, putDescription } from './description.ts'
import { ingest, readSpans, requireActive, requireSameExperiment } from './ingest.ts'
import { traceLanguage } from './language.ts'
import type { ExperimentOfTraces, TraceParts } from './ports.ts'
import { spanFile } from './span-file.ts'
import type { Doomed, TraceRow } from './store.ts'
import { metricQuery, type MetricPoint, type MetricQuestion } from './trace-metric.ts'
import {
  artifactLocation,
  keptHere,
  known,
  requireTraceId,
  spansExpected,
  type Trace,
  type TraceState,
} from './trace.ts'
import { labelKey, labelsOf, labelValue, type Labels } from './label.ts'

/** What its maker says of a trace. */
export type TraceDraft = Omit<Trace, 'assessments'> & { readonly assessments: readonly AssessmentDraft[] }

/** A trace with its spans, each as JSON text of an OTLP span: roots first, then by start. */
export interface WholeTrace {
  readonly trace: Trace
  readonly spans: readonly string[]
}

export interface TraceSearch {
  readonly experiments: readonly string[]
  readonly filter?: string | undefined
  readonly order?: readonly string[] | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** Two filters, and one that narrows both. */
export interface FilterPair {
  readonly first: string
  readonly second: string
  readonly base?: string | undefined
}

/** Traces of applications: what happened in each request, step by step, and what is said of it. */
export interface Traces extends Assessments {
  /** Keeps the spans of an OpenTelemetry request, and ties their traces to a run if one is named. Throws `invalid`. */
  ingest(experiment: string, bytes: Uint8Array, run?: string): Promise<void>
  /** Writes down what its maker says of a trace, over what was gathered from spans. May be repeated. */
  describe(draft: TraceDraft): Promise<Trace>
  /** Begins a trace under a new id of 32 hex digits, as clients of version 2 expect. */
  begin(experiment: string, at: Millis, labels: { metadata: Labels; tags: Labels }): Promise<Trace>
  /** Ends it at an instant. Throws `not_found`. */
  finish(id: string, end: { at: Millis; state: TraceState; metadata: Labels; tags: Labels }): Promise<Trace>
  /** Throws `not_found`. */
  get(id: string): Promise<Trace>
  /** The experiment of a trace. Throws `not_found`. */
  experimentOf(id: string): Promise<ExperimentOfTraces>
  /** The experiment of a run. Throws `not_found`. */
  experimentOfRun(run: string): Promise<ExperimentOfTraces>
  /** The experiments of those traces that are there. */
  experimentsOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** In the order of the ids; without those that are not there. */
  getMany(ids: readonly string[]): Promise<readonly Trace[]>
  /** In the order of the ids; without traces that have fewer spans than their maker counted, or none. */
  getWhole(ids: readonly string[]): Promise<readonly WholeTrace[]>
  /** Waits a little for spans that are still to come. Throws `not_found` when they do not. */
  getComplete(id: string): Promise<WholeTrace>
  /** With the spans that have come so far. Throws `not_found`. */
  getPartial(id: string): Promise<WholeTrace>
  /** The spans as a `traces.json`, wherever they are kept. Throws `not_found` when there are none. */
  file(id: string): Promise<string>
  /** Throws `invalid`, naming the place in filter or order. */
  search(search: TraceSearch): Promise<{ readonly items: readonly Trace[]; readonly next?: string }>
  /** How often the conditions of two filters go together. */
  correlate(experiments: readonly string[], filters: FilterPair): Promise<Correlation>
  /** A metric of many traces, grouped. Throws `invalid`, naming what may be asked. */
  measure(question: MetricQuestion): Promise<readonly MetricPoint[]>
  /** Deletes traces of an experiment; how many there were. */
  remove(experiment: string, doomed: Doomed): Promise<number>
  tag(id: string, key: string, value: string): Promise<void>
  /** Throws `not_found`. */
  untag(id: string, key: string): Promise<void>
  /** Ties traces to a run. Throws `not_found` without the run; traces that are not there are passed over. */
  linkRun(ids: readonly string[], run: string): Promise<void>
  linkPrompts(id: string, prompts: readonly { name: string; version: string }[]): Promise<void>
}

const linksMax = 100
/** Clients send a trace and its spans apart, from a queue. */
const pausesMs = [1_000, 2_000]

export function createTraces(parts: TraceParts): Traces {
  const { store, experiments, runs } = parts
  const get = async (id: string): Promise<Trace> => {
    const trace = await store.find(id)
    if (!trace) throw notFound('trace', id)
    return trace
  }
  const linkRun = async (ids: readonly string[], run: string): Promise<void> => {
    if (ids.length > linksMax)
      throw invalid(
        `Cannot link more than ${linksMax} traces to a run in a single request. Provided ${ids.length} traces.`,
      )
    await runs.get(run)
    if (ids.length > 0) await store.linkRun(ids, run)
  }

  return {
    ...createAssessments(parts),
    ...writing(parts, get),
    ...reading(parts, get),

    async ingest(experiment, bytes, run) {
      const ids = await ingest(store, await experiments.get(experiment), readSpans(bytes))
      if (run !== undefined)
        for (let from = 0; from < ids.length; from += linksMax) await linkRun(ids.slice(from, from + linksMax), run)
    },

    get,

    async experimentOf(id) {
      const of = (await store.experimentsOf([id])).get(id)
      if (of === undefined) throw notFound('trace', id)
      return experiments.get(of)
    },

    experimentOfRun: async run => experiments.get((await runs.get(run)).experimentId),
    experimentsOf: ids => store.experimentsOf(ids),
    remove: (experiment, doomed) => store.remove(experiment, doomed),
    linkRun,
    linkPrompts: (id, prompts) => store.linkPrompts(id, prompts),
  }
}

/** What changes a trace. */
function writing(
  { store, experiments, clock }: TraceParts,
  get: (id: string) => Promise<Trace>,
): Pick<Traces, 'describe' | 'begin' | 'finish' | 'tag' | 'untag'> {
  async function write(
    row: TraceRow,
    experiment: ExperimentOfTraces,
    draft: Pick<TraceDraft, 'metadata' | 'tags' | 'assessments'>,
  ): Promise<void> {
    await store.transaction(async tx => {
      const [held] = await store.hold(tx, [row])
      requireSameExperiment(held!.row, row.experimentId)
      await putDescription(store, tx, experiment, { ...draft, row: { ...previewsOf(held!.row), ...row } })
      await store.addAssessments(
        tx,
        draft.assessments.map(each => newAssessment(row.id, each, clock.now())),
      )
    })
  }

  return {
    async describe(draft) {
      const experiment = await experiments.get(draft.experimentId)
      requireActive(experiment)
      const { metadata: _, tags: __, assessments: ___, ...row } = draft
      const metadata = { ...draft.metadata, [known.finalized]: 'true' }
      const described = { ...row, id: requireTraceId(draft.id), ...previewsOf(draft), finished: true }
      await write(described, experiment, { ...draft, metadata })
      return get(draft.id)
    },

    async begin(experimentId, requestedAt, labels) {
      const experiment = await experiments.get(experimentId)
      requireActive(experiment)
      const id = randomBytes(16).toString('hex')
      const row: TraceRow = { id, experimentId: experiment.id, requestedAt, state: 'IN_PROGRESS', finished: true }
      await write(row, experiment, { ...labels, assessments: [] })
      return get(id)
    },

    async finish(id, { at, state, metadata, tags }) {
      const trace = await get(id)
      await store.transaction(async tx => {
        const [held] = await store.hold(tx, [{ ...trace, finished: true }])
        const durationMs = Math.max(0, at - held!.row.requestedAt)
        await store.put(tx, [{ ...held!.row, durationMs, state, finished: true }])
        await store.label(tx, 'tag', [{ id, labels: labelsOf(tags) }])
        await store.label(tx, 'metadata', [{ id, labels: labelsOf(metadata) }])
      })
      return get(id)
    },

    tag: (id, key, value) =>
      store.transaction(tx => store.label(tx, 'tag', [{ id, labels: { [labelKey(key)]: labelValue(value) } }])),

    async untag(id, key) {
      if (!(await store.unlabel(id, 'tag', key)))
        throw notFound('tag', `${key} of trace ${id}: No tag with name: ${key}`)
    },
  }
}

/** What reads traces. */
function reading(
  { store, experiments, files, pause }: TraceParts,
  get: (id: string) => Promise<Trace>,
): Pick<Traces, 'getMany' | 'getWhole' | 'getComplete' | 'getPartial' | 'file' | 'search' | 'correlate' | 'measure'> {
  const filterOf = (text: string | undefined) => parseFilter(text, traceLanguage)
  const spansIn = async (id: string): Promise<readonly string[]> => (await store.spans([id])).get(id) ?? []

  async function getWhole(ids: readonly string[]): Promise<readonly WholeTrace[]> {
    const traces = await store.findMany(ids)
    const spans = await store.spans(traces.map(({ id }) => id))
    return traces.flatMap(trace => {
      const own = spans.get(trace.id) ?? []
      return own.length > 0 && own.length >= spansExpected(trace.metadata) ? [{ trace, spans: own }] : []
    })
  }

  return {
    getMany: ids => store.findMany(ids),
    getWhole,

    async getComplete(id) {
      for (const ms of [...pausesMs, undefined]) {
        const [found] = await getWhole([id])
        if (found) return found
        const { tags } = await get(id)
        if (ms === undefined || tags[known.spansLocation] !== keptHere) break
        await pause(ms)
      }
      throw notFound('complete set of spans yet of trace', id)
    },

    getPartial: async id => ({ trace: await get(id), spans: await spansIn(id) }),

    async file(id) {
      const trace = await get(id)
      if (trace.tags[known.spansLocation] === keptHere) return spanFile(await spansIn(id))
      // Where it lies is not read from the tag: anyone who may tag could name another project's file.
      const location = artifactLocation(await experiments.get(trace.experimentId), id)
      const path = /^mlflow-artifacts:\/+(?<path>[^/].*)$/.exec(location)?.groups?.['path']
      const text = path === undefined ? undefined : await files.text(`${path}/traces.json`)
      if (text === undefined) throw notFound('span data of trace', id)
      return text
    },

    search: ({ filter, order, ...query }) =>
      store.search({ ...query, filter: filterOf(filter), order: parseOrder(order ?? [], traceLanguage) }),

    measure: async question => store.measure(metricQuery(question)),

    async correlate(ids, { first, second, base }) {
      const filters = { first: filterOf(first), second: filterOf(second), base: filterOf(base) }
      return correlate(await store.count(ids, filters))
    },
  }
}
