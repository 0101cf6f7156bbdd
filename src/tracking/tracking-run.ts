import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Lifecycle } from './experiment.ts'

/** One training iteration as the data scientist sees it. MLflow calls it a run. */
export interface TrackingRun {
  readonly id: TrackingRunId
  readonly project: string
  readonly experimentId: string
  readonly name: string
  readonly user: string
  readonly status: RunStatus
  readonly lifecycle: Lifecycle
  readonly artifactUri: string
  /** The workflow run and task whose code it tracks. */
  readonly run?: string
  readonly task?: string
  readonly startedAt: Millis
  readonly endedAt?: Millis
}

export type TrackingRunId = string & { readonly __id: 'tracking_run' }

export const runStatuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
export type RunStatus = (typeof runStatuses)[number]

/** The tag that is the run's name. */
export const nameTag = 'mlflow.runName'

/** The tag by which runs that a task's code makes name the run that the platform has opened for the task. */
export const taskRunTag = 'trainyard.tracking_run'

/** 32 hex digits, as MLflow's own; a UUID of version 7, so that they sort by time. */
export const newTrackingRunId = (): TrackingRunId => newId('run').slice(4).replaceAll('-', '') as TrackingRunId
