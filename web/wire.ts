import type { z } from 'zod'
import type {
  ContractWire,
  ColumnProfileWire,
  DatasetVersionWire,
  SourceWire,
  ViolationWire,
} from '../src/data/wire.ts'
import type { ApprovalStateWire, ApprovalWire, CardWire, ScanWire, SignatureCheckWire } from '../src/assurance/wire.ts'
import type { EnvironmentWire } from '../src/compute/environment-wire.ts'
import type { BackfillWire } from '../src/workflow/backfill-wire.ts'
import type { BuildWire, ConversionWire } from '../src/delivery/wire.ts'
import type { FeatureVersionWire, FeatureViewWire } from '../src/features/wire.ts'
import type { EventWire } from '../src/http/events.ts'
import type { LineageWire, NodeWire } from '../src/metadata/wire.ts'
import type {
  FeedbackItemWire,
  IncidentWire,
  MonitorWire,
  OutcomesWire,
  SignalWire,
  WindowWire,
} from '../src/monitoring/wire.ts'
import type { ChannelWire, NotificationWire, TestAnswer as TestAnswerWire } from '../src/notifications/wire.ts'
import type { ProjectPage, RevisionWire } from '../src/project/wire.ts'
import type {
  EvaluationWire,
  ModelVersionWire,
  ModelWire,
  RegisteredModelWire,
  SignatureWire,
} from '../src/registry/wire.ts'
import type {
  DeploymentDetail as DeploymentDetailWire,
  DeploymentWire,
  GraphWire,
  PredictionWire,
  QueueWire,
  RevisionWire as ServedWire,
} from '../src/serving/wire.ts'
import type { CommitWire, RepositoryWire } from '../src/source/wire.ts'
import type { ImportanceAnswer, ReportWire, StudyWire, TrialWire } from '../src/tuning/wire.ts'
import type {
  ComparisonWire,
  DatasetInputWire,
  ExperimentDetail as ExperimentDetailWire,
  ExperimentWire,
  HistoryWire,
  RunRowPage,
  RunRowWire,
  TrackingRunWire,
} from '../src/tracking/wire.ts'
import type {
  AttemptWire,
  LogWire,
  PipelineWire,
  RunOverview as RunOverviewWire,
  RunWire,
  TaskDetail as TaskDetailWire,
  PipelineGridWire,
  TaskLineWire,
  TaskRunWire,
} from '../src/workflow/wire.ts'
import type { TriggerWire } from '../src/workflow/trigger-wire.ts'

/** What the API answers, as types: the server's own schemas, of which nothing is in the bundle. */

export type Projects = z.output<typeof ProjectPage>
export type Revision = z.output<typeof RevisionWire>
export type Event = z.output<typeof EventWire>

export type Trigger = z.output<typeof TriggerWire>
export type Channel = z.output<typeof ChannelWire>
export type Notification = z.output<typeof NotificationWire>
export type TestAnswer = z.output<typeof TestAnswerWire>

export type Repository = z.output<typeof RepositoryWire>
export type Commit = z.output<typeof CommitWire>
export type Build = z.output<typeof BuildWire>
export type Conversion = z.output<typeof ConversionWire>

export type Source = z.output<typeof SourceWire>
export type DatasetVersion = z.output<typeof DatasetVersionWire>
export type ColumnProfile = z.output<typeof ColumnProfileWire>
export type Contract = z.output<typeof ContractWire>
export type Violation = z.output<typeof ViolationWire>
export type FeatureView = z.output<typeof FeatureViewWire>
export type FeatureVersion = z.output<typeof FeatureVersionWire>

export type Pipeline = z.output<typeof PipelineWire>
export type Run = z.output<typeof RunWire>
export type Backfill = z.output<typeof BackfillWire>
export type RunOverview = z.output<typeof RunOverviewWire>
export type Task = z.output<typeof TaskRunWire>
/** A task in short, or one call of a task with a call for each item. */
export type PipelineGrid = z.output<typeof PipelineGridWire>
export type TaskLine = z.output<typeof TaskLineWire>
export type TaskDetail = z.output<typeof TaskDetailWire>
export type Attempt = z.output<typeof AttemptWire>
export type Log = z.output<typeof LogWire>
export type Environment = z.output<typeof EnvironmentWire>

export type Model = z.output<typeof ModelWire>
export type RegisteredModel = z.output<typeof RegisteredModelWire>
export type ModelVersion = z.output<typeof ModelVersionWire>
export type Evaluation = z.output<typeof EvaluationWire>
export type Signature = z.output<typeof SignatureWire>
export type Stage = ModelVersion['stage']

export type Experiment = z.output<typeof ExperimentWire>
export type ExperimentDetail = z.output<typeof ExperimentDetailWire>
export type RunRow = z.output<typeof RunRowWire>
export type RunRows = z.output<typeof RunRowPage>
export type TrackingRun = z.output<typeof TrackingRunWire>
export type DatasetInput = z.output<typeof DatasetInputWire>
export type Comparison = z.output<typeof ComparisonWire>
export type History = z.output<typeof HistoryWire>

/** A file or folder of a run, as MLflow's API lists it: `path` is relative to the run. */
export interface ArtifactEntry {
  readonly path: string
  readonly is_dir: boolean
  readonly file_size?: number
}

export type Deployment = z.output<typeof DeploymentWire>
export type Queue = z.output<typeof QueueWire>
export type Outcomes = z.output<typeof OutcomesWire>
export type DeploymentDetail = z.output<typeof DeploymentDetailWire>
export type Graph = z.output<typeof GraphWire>
export type ServedRevision = z.output<typeof ServedWire>
export type Prediction = z.output<typeof PredictionWire>

export type Monitor = z.output<typeof MonitorWire>
export type MonitorWindow = z.output<typeof WindowWire>
export type Signal = z.output<typeof SignalWire>
export type Incident = z.output<typeof IncidentWire>
export type Feedback = z.output<typeof FeedbackItemWire>

export type Lineage = z.output<typeof LineageWire>
export type LineageNode = z.output<typeof NodeWire>

export interface Items<Row> {
  readonly items: readonly Row[]
  readonly next?: string
}

export const stationNames = ['data', 'features', 'runs', 'models', 'deployments', 'monitors', 'feedback'] as const
export type StationName = (typeof stationNames)[number]
type StationState = 'ok' | 'running' | 'warn' | 'fail' | 'none'

/** One of the seven places of the loop. `lag` says why it was not made from the newest of the station before it. */
export interface Station {
  readonly station: StationName
  readonly state: StationState
  readonly headline: string
  readonly detail: string
  readonly at?: number
  readonly href: string
  readonly lag?: string
}

export interface LoopItem {
  readonly project: string
  readonly goal: string
  readonly kpi: string
  readonly metric: string
  readonly threshold: number
  readonly stations: readonly Station[]
}

export interface Loop {
  readonly items: readonly LoopItem[]
  readonly attention: { readonly approvals: number; readonly failedRuns: number; readonly openIncidents: number }
}

export type Scan = z.output<typeof ScanWire>
export type SignatureCheck = z.output<typeof SignatureCheckWire>
export type Approval = z.output<typeof ApprovalWire>
export type ApprovalState = z.output<typeof ApprovalStateWire>
export type Card = z.output<typeof CardWire>

export type Study = z.output<typeof StudyWire>
export type Trial = z.output<typeof TrialWire>
export type Importance = z.output<typeof ImportanceAnswer>
export type TrialReport = z.output<typeof ReportWire>
