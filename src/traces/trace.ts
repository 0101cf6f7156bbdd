import { invalid } from '#kernel/error.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Assessment } from './assessment.ts'
import type { Labels } from './label.ts'

export const traceStates = ['STATE_UNSPECIFIED', 'IN_PROGRESS', 'OK', 'ERROR'] as const
export type TraceState = (typeof traceStates)[number]

/** What is known of one request through an application, without its spans. */
export interface Trace {
  readonly id: string
  readonly experimentId: string
  /** The identifier that the application gave it. */
  readonly clientRequestId?: string
  readonly requestPreview?: string
  readonly responsePreview?: string
  readonly requestedAt: Millis
  readonly durationMs?: number
  readonly state: TraceState
  /** Written once by whoever made the trace. */
  readonly metadata: Labels
  /** Written by anyone, at any time. */
  readonly tags: Labels
  readonly assessments: readonly Assessment[]
}

/** Names with a meaning to MLflow's clients. */
export const known = {
  name: 'mlflow.traceName',
  sourceRun: 'mlflow.sourceRun',
  session: 'mlflow.trace.session',
  user: 'mlflow.trace.user',
  tokenUsage: 'mlflow.trace.tokenUsage',
  cost: 'mlflow.trace.cost',
  sizeStats: 'mlflow.trace.sizeStats',
  finalized: 'mlflow.trace.infoFinalized',
  spansLocation: 'mlflow.trace.spansLocation',
  artifactLocation: 'mlflow.artifactLocation',
} as const

/** The value of tag {@link known.spansLocation} where spans are kept here; else clients keep them as an artifact. */
export const keptHere = 'TRACKING_STORE'

/** Ids of clients: `tr-` and 32 hex digits, or what an older client or an import made. */
export function requireTraceId(id: string): string {
  if (!/^[A-Za-z0-9][\w-]{0,127}$/.test(id))
    throw invalid('This is no trace id.', [
      { field: 'trace_id', value: id, allowed: 'letters, digits, _ and -, 128 at most' },
    ])
  return id
}

/** How many spans the maker of the trace counted, when it said so. */
export function spansExpected(metadata: Labels): number {
  try {
    const stats = JSON.parse(metadata[known.sizeStats] ?? '{}') as { num_spans?: unknown } | null
    return typeof stats?.num_spans === 'number' ? stats.num_spans : 0
  } catch {
    return 0
  }
}

/** Where clients of an experiment put spans that they keep as an artifact. */
export const artifactLocation = (experiment: { readonly artifactLocation: string }, id: string): string =>
  `${experiment.artifactLocation.replace(/\/+$/, '')}/traces/${id}/artifacts`
