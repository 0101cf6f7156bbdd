import type { AnyTx } from '#storage'
import { tallyOf, type Tally } from '#tracking'
import type { Assessment } from './assessment.ts'
import { previewsOf, putDescription } from './description.ts'
import { experimentIn } from './experiment-in.ts'
import { keptSpanFacts } from './import-facts.ts'
import { requireSameExperiment } from './ingest.ts'
import type { ExperimentOfTraces, Experiments } from './ports.ts'
import type { TraceStore } from './store.ts'
import { artifactLocation, requireTraceId, type Trace } from './trace.ts'
import { labelsOf } from './label.ts'

/** What another ledger says of a trace. Its spans come as OpenTelemetry sends them, before. */
export type ImportedTrace = Omit<Trace, 'assessments'> & {
  readonly assessments: readonly Omit<Assessment, 'traceId'>[]
}

/** What is here of a trace, to be compared with what another ledger has. */
export interface TraceSummary {
  readonly trace: Trace
  readonly artifactUri: string
  readonly spans: Tally
}

/** Traces of another ledger, taken in with their ids and times. All may be said again, and is there once. */
export interface TraceImports {
  /** Writes down what the other ledger says, over what is here. Throws `conflict` if the trace is elsewhere. */
  describe(project: string, draft: ImportedTrace): Promise<TraceSummary>
  /** Those that are in the project. */
  summaries(project: string, ids: readonly string[]): Promise<readonly TraceSummary[]>
}

export function createTraceImports({
  store,
  experiments,
}: {
  readonly store: TraceStore
  readonly experiments: Experiments
}): TraceImports {
  async function summaryOf(trace: Trace, experiment: ExperimentOfTraces): Promise<TraceSummary> {
    const spans = (await store.spans([trace.id])).get(trace.id) ?? []
    return { trace, artifactUri: artifactLocation(experiment, trace.id), spans: tallyOf(spans.map(keptSpanFacts)) }
  }

  return {
    async describe(project, { metadata, tags, assessments, ...head }) {
      const experiment = await experimentIn(experiments, project, head.experimentId)
      const row = { ...head, ...previewsOf(head), id: requireTraceId(head.id), finished: true }
      await store.transaction(async tx => {
        const [held] = await store.hold(tx, [row])
        requireSameExperiment(held!.row, experiment.id)
        await putDescription(store, tx, experiment, { row, metadata, tags })
        for (const assessment of assessments) await putAssessment(store, tx, { ...assessment, traceId: row.id })
      })
      return summaryOf((await store.find(row.id))!, experiment)
    },

    async summaries(project, ids) {
      const summaries: TraceSummary[] = []
      for (const trace of await store.findMany(ids)) {
        const experiment = await experiments.get(trace.experimentId)
        if (experiment.project === project) summaries.push(await summaryOf(trace, experiment))
      }
      return summaries
    },
  }
}

async function putAssessment(store: TraceStore, tx: AnyTx, assessment: Assessment): Promise<void> {
  const { metadata, ...rest } = assessment
  const kept = { ...rest, ...(metadata && { metadata: labelsOf(metadata) }) }
  const known = await store.holdAssessment(tx, kept.traceId, kept.id)
  if (known) await store.putAssessment(tx, kept)
  else await store.addAssessments(tx, [kept])
}
