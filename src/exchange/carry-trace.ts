import { invalid } from '#kernel/error.ts'
import { tallyOf, type Tally } from '#tracking'
import { assessmentFacts, encodeRequest, labelFacts, spanFacts, traceFacts, type TraceSummary } from '#traces'
import { carryFiles } from './carry-files.ts'
import type { Journey } from './carry-run.ts'
import type { CarriedExperiment, CarriedRun, CarriedTrace } from './record.ts'
import type { Reporter } from './report.ts'

/** Written into the description by whoever keeps the trace: where its parts are, and what is added up from its spans. */
const keepers: ReadonlySet<string> = new Set([
  'mlflow.trace.spansLocation',
  'mlflow.trace.archiveLocation',
  'mlflow.artifactLocation',
])
const countedFromSpans: ReadonlySet<string> = new Set(['mlflow.trace.tokenUsage', 'mlflow.trace.cost'])

/** Characters of spans in one request. */
const requestCharacters = 4 * 1024 * 1024

/** Brings one trace over, or finds it there; `before` is what the target has of it. */
export async function carryTrace(
  journey: Journey,
  original: CarriedTrace,
  { experimentId, before }: { readonly experimentId: string; readonly before: TraceSummary | undefined },
): Promise<void> {
  const { source, target, reporter, choices } = journey
  if (before && before.trace.experimentId !== experimentId)
    throw invalid('The trace is here already, in another experiment: ids are kept, and it is not there twice.', [
      { field: 'experiment', value: before.trace.experimentId, allowed: experimentId },
    ])
  const { spans: all, files } = await source.traceContent(original)
  const trace = { ...original, tags: without(keepers, original.tags) }
  const what = `trace ${trace.id}`
  const requests = requestsOf(all)
  const spans = tallyOf(requests.flatMap(spanFacts))
  const isWhole = before !== undefined && differencesOf(trace, spans, before).length === 0
  if (!isWhole) for (const request of requests) await target.spans(experimentId, request)
  const after = isWhole ? before : await target.trace(trace, experimentId)
  const owner = { what, of: 'traces', id: trace.id, uri: after.artifactUri } as const
  const wrote = files.length > 0 && (await carryFiles(journey, files, owner, choices))
  if (isWhole && !wrote) reporter.passedOver()
  else reporter.written()
  compare(reporter, trace, spans, after)
}

/** Ties the traces of a run to it. */
export async function carryTraceLinks(
  { source, target, reporter }: Journey,
  run: CarriedRun,
  { experiment, experimentId }: { readonly experiment: CarriedExperiment; readonly experimentId: string },
): Promise<void> {
  const there = await source.tracesOfRun(run, experiment)
  if (there.length === 0) return
  const missingOf = async (): Promise<readonly string[]> => {
    const here = new Set(await target.tracesOfRun(run.id, experimentId))
    return there.filter(id => !here.has(id))
  }
  let missing = await missingOf()
  if (missing.length > 0) {
    await target.tieTraces(run.id, missing)
    missing = await missingOf()
  }
  reporter.count('trace links', there.length, there.length - missing.length)
  for (const id of missing) reporter.differ(`run ${run.id}`, `trace ${id} is tied to it there, not here`)
}

function requestsOf(spans: readonly object[]): readonly Uint8Array[] {
  const requests: Uint8Array[] = []
  let [some, characters] = [[] as object[], 0]
  const close = (): void => {
    if (some.length > 0) requests.push(encodeRequest([{ scope_spans: [{ spans: some }] }]))
    some = []
    characters = 0
  }
  for (const span of spans) {
    const length = JSON.stringify(span).length
    if (characters + length > requestCharacters) close()
    some.push(span)
    characters += length
  }
  close()
  return requests
}

const without = (
  keys: ReadonlySet<string>,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(labels).filter(([key]) => !keys.has(key)))

type Tallies = Readonly<Record<'tags' | 'metadata' | 'assessments', Tally>>

const talliesOf = (trace: Pick<CarriedTrace, keyof Tallies>): Tallies => ({
  tags: tallyOf(labelFacts(trace.tags)),
  metadata: tallyOf(labelFacts(trace.metadata)),
  assessments: tallyOf(trace.assessments.map(assessmentFacts)),
})

function differencesOf(there: CarriedTrace, spans: Tally, here: TraceSummary): readonly string[] {
  // The platform counts tokens of traces whose makers did not.
  const counted = new Set([...countedFromSpans].filter(key => there.metadata[key] === undefined))
  const found = {
    ...here.trace,
    tags: without(keepers, here.trace.tags),
    metadata: without(counted, here.trace.metadata),
  }
  const [one, other] = [traceFacts(there), traceFacts(found)]
  const fields = Object.keys(one) as (keyof typeof one)[]
  const words = fields.flatMap(field =>
    one[field] === other[field] ? [] : [`${field}: ${said(one[field])} there, ${said(other[field])} here`],
  )
  const [first, second] = [
    { ...talliesOf(there), spans },
    { ...talliesOf(found), spans: here.spans },
  ]
  const parts = (Object.keys(first) as (keyof typeof first)[]).flatMap(part => {
    if (first[part].digest === second[part].digest) return []
    const isCount = first[part].count !== second[part].count
    return [`${part}: ${isCount ? `${first[part].count} there, ${second[part].count} here` : 'not the same ones'}`]
  })
  return [...words, ...parts]
}

const said = (value: string | number | undefined): string =>
  value === undefined ? 'none' : String(value).slice(0, 100)

function compare(reporter: Reporter, trace: CarriedTrace, spans: Tally, here: TraceSummary): void {
  reporter.count('traces', 1, 1)
  reporter.count('spans', spans.count, here.spans.count)
  reporter.count('assessments', trace.assessments.length, here.trace.assessments.length)
  for (const why of differencesOf(trace, spans, here)) reporter.differ(`trace ${trace.id}`, why)
}
