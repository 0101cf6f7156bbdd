import type { Readable } from 'node:stream'
import type { Int64 } from '#kernel/int64.ts'
import type { Assessment, EvaluationDataset, EvaluationRecord, Trace } from '#traces'

/*
 * What is carried from one ledger to another, in one form, whichever system it comes from. Times are milliseconds
 * since the epoch.
 */

export interface KeyText {
  readonly key: string
  readonly value: string
}

export interface CarriedExperiment {
  /** As the source calls it. */
  readonly id: string
  readonly name: string
  readonly lifecycle: 'active' | 'deleted'
  readonly createdAt: number
  readonly updatedAt: number
  readonly tags: readonly KeyText[]
}

export const runStatuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
export type RunStatus = (typeof runStatuses)[number]

export interface CarriedDataset {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  readonly source: string
  readonly schema?: string
  readonly profile?: string
  /** Of the input: `mlflow.data.context` says what it was for. */
  readonly tags: readonly KeyText[]
}

/** A logged model that a run read or made. */
export interface ModelLink {
  readonly direction: 'input' | 'output'
  readonly model: string
  readonly step: Int64
}

export interface CarriedRun {
  readonly id: string
  readonly name: string
  readonly user: string
  readonly status: RunStatus
  readonly lifecycle: 'active' | 'deleted'
  readonly startedAt: number
  readonly endedAt?: number
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
  readonly datasets: readonly CarriedDataset[]
  readonly links: readonly ModelLink[]
}

export interface CarriedPoint {
  readonly key: string
  readonly step: Int64
  readonly timestamp: number
  /** NaN and infinities too. */
  readonly value: number
}

export const loggedModelStatuses = ['LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'] as const

export interface CarriedModelPoint extends CarriedPoint {
  readonly run: string
  readonly datasetName?: string
  readonly datasetDigest?: string
}

export interface CarriedLoggedModel {
  readonly id: string
  readonly name: string
  readonly modelType?: string
  readonly sourceRun?: string
  readonly status: (typeof loggedModelStatuses)[number]
  readonly createdAt: number
  readonly updatedAt: number
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
  readonly points: readonly CarriedModelPoint[]
}

export interface CarriedVersion {
  readonly version: number
  readonly description: string
  /** As the source says it; the files it names are found by run or logged model where they have come along. */
  readonly source: string
  readonly run?: string
  readonly runLink?: string
  readonly stage: string
  readonly user: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly tags: readonly KeyText[]
}

export interface CarriedModel {
  readonly name: string
  readonly description: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly tags: readonly KeyText[]
  readonly aliases: readonly { readonly alias: string; readonly version: number }[]
  readonly versions: readonly CarriedVersion[]
}

/** A file of a run or a logged model; `path` is relative to its artifacts. */
export interface CarriedFile {
  readonly path: string
  /** Length in bytes, where the source says it. */
  readonly size?: number
  /** SHA-256 of the bytes, where the source says it. */
  readonly digest?: string
  open(): Promise<Readable>
}

export type CarriedAssessment = Omit<Assessment, 'traceId'>

export interface CarriedTrace extends Omit<Trace, 'experimentId' | 'assessments'> {
  readonly assessments: readonly CarriedAssessment[]
}

/** What a trace holds. Spans are kept by the ledger, or, of older clients, as a file that is theirs. */
export interface TraceContent {
  /** Spans of OpenTelemetry in protobuf's JSON, with snake_case names. */
  readonly spans: readonly object[]
  readonly files: readonly CarriedFile[]
}

/** Its experiments are called as the source calls them. */
export type CarriedEvaluationDataset = Omit<EvaluationDataset, 'project' | 'recordCount'>
export type CarriedEvaluationRecord = Omit<EvaluationRecord, 'datasetId'>

/** What a user may do to one thing, or by `*` to all of a kind. */
export interface CarriedGrant {
  /** `experiment`, `registered_model`, `scorer`, or what else the source grants on. */
  readonly kind: string
  readonly id: string
  /** MLflow's words: NO_PERMISSIONS, READ, USE, EDIT, MANAGE. */
  readonly level: string
  /** It was said that the user must not, whatever else permits it. */
  readonly isDenial?: boolean
}

/** Passwords are never shown. */
export interface CarriedUser {
  readonly name: string
  readonly isAdministrator: boolean
  readonly grants: readonly CarriedGrant[]
}

/** Who is told of changes in the registry. Its secret is never shown. */
export interface CarriedWebhook {
  readonly id: string
  readonly name: string
  readonly description?: string
  readonly url: string
  /** `model_version.created` */
  readonly events: readonly string[]
  readonly state: 'active' | 'disabled'
  readonly createdAt: number
  readonly updatedAt: number
}

/** Rows of a project that are there as Parquet: what was read, features of it, or what models were trained on. */
export interface CarriedTable {
  readonly kind: 'dataset_version' | 'feature_version' | 'training_set'
  readonly id: string
  readonly project: string
  /** Of the source, the feature view or the feature service. */
  readonly name: string
  /** Training sets are not numbered. */
  readonly version?: number
  readonly rows: number
  readonly createdAt: number
  /** As far as the source says. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Ids of tables. */
  readonly madeFrom: readonly string[]
  /** The Parquet first; what was read at the source, or the rules that were followed, beside it. */
  readonly files: readonly CarriedFile[]
}

/** The predictions of a deployment about one day of UTC, as Parquet. */
export interface CarriedPredictions {
  readonly project: string
  readonly deployment: string
  /** `2026-11-29` */
  readonly day: string
  /** At least so many: predictions come in while they are read. */
  readonly rows: number
  readonly file: CarriedFile
}

/** What a task of a run has said, over all attempts. */
export interface CarriedLog {
  readonly project: string
  readonly run: string
  readonly pipeline: string
  readonly task: string
  readonly file: CarriedFile
}

/** A ledger that can be read whole. Nothing is held in memory but what one yield gives. */
export interface Source {
  /** What it is, for people: an address or a folder. */
  readonly name: string
  experiments(): AsyncIterable<CarriedExperiment>
  /** Some hundred at a time; the rest of each may be asked for until the next are. */
  runs(experiment: CarriedExperiment): AsyncIterable<readonly CarriedRun[]>
  /** All points of a run, some thousand at a time, in any order, each once. */
  points(run: CarriedRun): AsyncIterable<readonly CarriedPoint[]>
  files(run: CarriedRun): AsyncIterable<CarriedFile>
  loggedModels(experiment: CarriedExperiment): AsyncIterable<CarriedLoggedModel>
  modelFiles(model: CarriedLoggedModel): AsyncIterable<CarriedFile>
  /** Some dozen at a time. */
  traces(experiment: CarriedExperiment): AsyncIterable<readonly CarriedTrace[]>
  traceContent(trace: CarriedTrace): Promise<TraceContent>
  /** Ids of the traces that are tied to a run. */
  tracesOfRun(run: CarriedRun, experiment: CarriedExperiment): Promise<readonly string[]>
  evaluationDatasets(): AsyncIterable<CarriedEvaluationDataset>
  /** Some hundred at a time. */
  evaluationRecords(dataset: CarriedEvaluationDataset): AsyncIterable<readonly CarriedEvaluationRecord[]>
  models(): AsyncIterable<CarriedModel>
  webhooks(): AsyncIterable<CarriedWebhook>
  users(): AsyncIterable<CarriedUser>
  /** The files that a version keeps of its own; only ledgers like ours have such. */
  versionFiles?(model: string, version: number): AsyncIterable<CarriedFile>
  /** The rows of projects; only ledgers like ours have such. */
  tables?(): AsyncIterable<CarriedTable>
  predictions?(): AsyncIterable<CarriedPredictions>
  logs?(): AsyncIterable<CarriedLog>
}
