import type { Clock } from '#kernel/clock.ts'
import type { TraceStore } from './store.ts'

/** The experiment that a trace belongs to, as far as it matters here. */
export interface ExperimentOfTraces {
  readonly id: string
  readonly project: string
  readonly artifactLocation: string
  readonly lifecycle: 'active' | 'deleted'
}

/** Where experiments are looked up; throws `not_found`. */
export interface Experiments {
  get(id: string): Promise<ExperimentOfTraces>
}

/** Where tracking runs are looked up; throws `not_found`. */
export interface Runs {
  get(id: string): Promise<{ readonly id: string; readonly experimentId: string; readonly project: string }>
}

/** Files of traces whose spans clients have put there. */
export interface TraceFiles {
  /** The text of a file at a proxied path (`3/traces/tr-…/artifacts/traces.json`), undefined if there is none. */
  text(path: string): Promise<string | undefined>
}

export interface TraceParts {
  readonly store: TraceStore
  readonly experiments: Experiments
  readonly runs: Runs
  readonly files: TraceFiles
  readonly clock: Clock
  pause(ms: number): Promise<void>
}
