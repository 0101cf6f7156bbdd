export { createProjects, type ApplyRequest, type Projects, type ProjectsDeps } from './projects.ts'
export { sqlProjectStore } from './store.sql.ts'
export type { ProjectStore, ProjectSummary, Revision } from './store.ts'
export { projectMigrations, projectRecords } from './tables.ts'
export { projectApplied } from './events.ts'
export { parseProjectFile } from './parse.ts'
export { loadProjectFolder } from './load.ts'
export { libraryHook } from './evaluate.ts'
export type { Change } from './change.ts'
export type { ExecutorAbility, ExecutorsAt } from './executor-problems.ts'
export { machinesAt, takingProblems, type MachineRoom, type MachineSize, type RoomAt } from './room-problems.ts'
export { environmentKinds, type EnvironmentKind, imageForm, imagePattern } from './task-spec.ts'
export { platformTaskShapes } from './platform-task.ts'
export { noticeKinds, type ChannelSpec, type NoticeKind, type NotificationsSpec } from './notification-spec.ts'
export { secretsOf } from './secret-reference.ts'
export { projectRoutes } from './routes.ts'
export { blobRoutes, type BlobReach } from './blob-routes.ts'
export type { BlobUploads } from './blob-uploads.ts'
export { sqlBlobUploads } from './blob-uploads.sql.ts'
export type { ColumnType } from './column-type.ts'
export { Canary, canarySteps, Rehearsal, Slo, type DeploymentSpec } from './deployment-spec.ts'
export {
  databaseForms,
  databasePattern,
  higherIsBetter,
  metrics,
  ProjectFile,
  taskTypes,
  type FeatureViewSpec,
  type GateSpec,
  type LabelSpec,
  type Metric,
  type ModelSpec,
  type MonitorSpec,
  type ObjectiveSpec,
  type OverlapPolicy,
  type PipelineSpec,
  type ProjectFileInput,
  type RequestViewSpec,
  type ServiceSpec,
  type SourceSpec,
} from './project-file.ts'
export {
  outputKinds,
  deciders,
  platformTasks,
  type ApprovalSpec,
  type PlatformTask,
  type PollSpec,
  type RetryCause,
  type RetrySpec,
  type TaskSpec,
  type TestSpec,
  type ValueRef,
  type ValueKind,
  type WhenSpec,
} from './task-spec.ts'
export {
  allTasks,
  isAboutItem,
  isFrom,
  isTaskSource,
  isValueKind,
  listOf,
  outputKind,
  outputNames,
  taskOf,
  testsOf,
  upstream,
  valuesOf,
} from './task-edges.ts'
export {
  allowedOf,
  inOrder,
  requireSearchable,
  type ParamSpec,
  type ParamValue,
  type SearchSpace,
} from './search-space.ts'
export { searchShape, type PrunerSpec, type SamplerSpec, type TuneSpec } from './tune.ts'
export { parseFields } from './schema-problems.ts'
export { nextCalendarTime } from './calendar.ts'
export { isRhythm, type Rhythm } from './rhythm.ts'
export { triggerName } from './trigger-problems.ts'
export type { TriggerSpec } from './trigger-spec.ts'
