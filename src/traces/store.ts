import type { Order, Filter } from '#search'
import type { AnyTx } from '#storage'
import type { Assessment } from './assessment.ts'
import type { Counts } from './correlation.ts'
import type { ModelCall } from './model-call.ts'
import type { Span } from './span.ts'
import type { TokenUsage, UsageNode } from './token-usage.ts'
import type { Trace } from './trace.ts'
import type { Labels } from './label.ts'
import type { MetricPoint, MetricQuery } from './trace-metric.ts'

/** A trace without what is kept beside it. */
export type TraceRow = Omit<Trace, 'metadata' | 'tags' | 'assessments'> & {
  /** Its maker has described it: what is gathered from spans changes it no more. */
  readonly finished: boolean
}

export type LabelKind = 'tag' | 'metadata'

export interface TraceQuery {
  readonly experiments: readonly string[]
  readonly filter?: Filter | undefined
  readonly order: readonly Order[]
  readonly limit: number
  /** The `next` of the page before. */
  readonly after?: string | undefined
}

/** What to delete of an experiment: these traces, or the oldest up to an instant. */
export type Doomed =
  | { readonly ids: readonly string[] }
  | { readonly until: number; readonly limit?: number | undefined }

/** A span, and what is counted of it. */
export type SpanDraft = Span & { readonly usage?: TokenUsage | undefined; readonly call?: ModelCall | undefined }

/** Where traces are kept. Adapters must pass store.contract.ts. */
export interface TraceStore {
  transaction<T>(work: (tx: AnyTx) => Promise<T>): Promise<T>

  /**
   * The traces as they are, held until the transaction ends; those that are not there are added as given. Racing
   * writers of one trace queue. The answer is in the order of the drafts.
   */
  hold(tx: AnyTx, drafts: readonly TraceRow[]): Promise<readonly { row: TraceRow; added: boolean }[]>
  /** Overwrites held traces. */
  put(tx: AnyTx, rows: readonly TraceRow[]): Promise<void>
  /** Adds labels; those that are there are overwritten, or kept when `keep` says so. */
  label(tx: AnyTx, kind: LabelKind, labels: readonly { id: string; labels: Labels }[], keep?: boolean): Promise<void>
  /** Whether there was such a tag. */
  unlabel(id: string, kind: LabelKind, key: string): Promise<boolean>
  /** Adds spans; one that is there, by trace and id, is overwritten. */
  putSpans(tx: AnyTx, spans: readonly SpanDraft[]): Promise<void>
  /** Spans of these traces as far as tokens are counted. */
  usage(tx: AnyTx, ids: readonly string[]): Promise<ReadonlyMap<string, readonly UsageNode[]>>

  find(id: string): Promise<Trace | undefined>
  /** In the order of the ids; without those that are not there. */
  findMany(ids: readonly string[]): Promise<readonly Trace[]>
  /** The experiment of each trace that is there. */
  experimentsOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** JSON texts of the spans of each trace: roots first, then by start. */
  spans(ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>
  search(query: TraceQuery): Promise<{ items: readonly Trace[]; next?: string }>
  count(
    experiments: readonly string[],
    filters: Record<'base' | 'first' | 'second', Filter | undefined>,
  ): Promise<Counts>
  /** In the order of time, then of the dimensions; no point where a dimension or all values are missing. */
  measure(query: MetricQuery): Promise<readonly MetricPoint[]>
  /** Deletes traces with all that is theirs. How many there were. */
  remove(experiment: string, doomed: Doomed): Promise<number>
  /** Ties traces to a run; ids that are not there, or are tied already, are passed over. */
  linkRun(ids: readonly string[], run: string): Promise<void>
  linkPrompts(id: string, prompts: readonly { name: string; version: string }[]): Promise<void>

  addAssessments(tx: AnyTx, assessments: readonly Assessment[]): Promise<void>
  /** Held until the transaction ends. */
  holdAssessment(tx: AnyTx, trace: string, id: string): Promise<Assessment | undefined>
  putAssessment(tx: AnyTx, assessment: Assessment): Promise<void>
  removeAssessment(tx: AnyTx, trace: string, id: string): Promise<void>
  assessment(trace: string, id: string): Promise<Assessment | undefined>
}
