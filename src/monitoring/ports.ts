import type { z } from 'zod'
import type { TrainingSetWire } from '#features/wire.ts'
import type { Page } from '#kernel/page.ts'
import type { RevisionWire } from '#project/wire.ts'
import type { EvaluatedVersion, ModelVersion } from '#registry'
import type { PredictionWire } from '#serving/wire.ts'
import type { Cell } from './frame.ts'

/** What monitoring asks of the components upstream of it: the part of each that it uses. */

export type Prediction = z.output<typeof PredictionWire>
export type TrainingSet = z.output<typeof TrainingSetWire>
export type ProjectSpec = z.output<typeof RevisionWire>['spec']

/** Serving: the prediction log, in whatever order. */
export interface PredictionLog {
  predictions(query: {
    deployment: string
    from?: Prediction['eventTime']
    to?: Prediction['eventTime']
    limit: number
    after?: string
  }): Promise<Page<Prediction>>
}

/** Serving: how requests were divided, and what was answered to some of them. */
export interface ServedDeployments {
  /** `traffic` is newest first. Throws `not_found`. */
  deployment(name: string): Promise<{
    project: string
    revisions: readonly { id: string; number: number }[]
    traffic: readonly { at: number; weights: Readonly<Record<string, number>> }[]
  }>
  predictionsById(ids: readonly string[]): Promise<readonly Prediction[]>
}

/** Registry: versions, and their answers to rows outside of any deployment. */
export interface Models {
  version(id: string): Promise<ModelVersion>
  /** Throws `conflict` for a version that was only registered. */
  evaluated(id: string): Promise<EvaluatedVersion>
  score(id: string, rows: readonly Readonly<Record<string, Cell>>[]): Promise<{ outputs: Record<string, Cell[]> }>
}

/** Features: what a version was trained on. */
export interface TrainingSets {
  trainingSet(id: string): Promise<TrainingSet>
  resolveService(project: string, service: string): Promise<{ entityKey: string }>
}

/** Project: the objective and the monitors that are declared. */
export interface Declarations {
  current(project: string): Promise<{ spec: ProjectSpec }>
  /** Undefined for a project that nobody has applied. */
  find(project: string): Promise<{ spec: ProjectSpec } | undefined>
}
