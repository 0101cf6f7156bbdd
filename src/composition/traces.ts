import { setTimeout } from 'node:timers/promises'
import type { Clock } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { Artifacts, Tracking } from '#tracking'
import {
  createEvaluationDatasets,
  createScorers,
  createTraces,
  sqlEvaluationStore,
  sqlScorerStore,
  sqlTraceStore,
  type EvaluationDatasets,
  type Scorers,
  type Traces,
} from '#traces'

/** Traces, and what they are judged by and with. */
export function composeTraces({
  db,
  clock,
  artifacts,
  tracking,
}: {
  db: Db
  clock: Clock
  artifacts: Artifacts
  tracking: Tracking
}): { traces: Traces; datasets: EvaluationDatasets; scorers: Scorers } {
  return {
    traces: createTraces({
      experiments: tracking.experiments,
      runs: tracking.runs,
      store: sqlTraceStore(db),
      files: artifacts,
      clock,
      pause: ms => setTimeout(ms),
    }),
    datasets: createEvaluationDatasets({ store: sqlEvaluationStore(db), clock }),
    scorers: createScorers({ store: sqlScorerStore(db), clock }),
  }
}
