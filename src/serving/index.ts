export { createServing, servedFolder, type Serving, type ServingParts } from './serving.ts'
export { usualProcesses } from './process-count.ts'
export { servingRoutes } from './routes.ts'
export { servingTasks } from './tasks.ts'
export { servingMigrations } from './tables.ts'
export { sqlServingStore } from './store.sql.ts'
export { deployed, predictionsLogged, trafficChanged } from './events.ts'
export {
  BundleManifest,
  filesBeside,
  folderFiles,
  onnxFiles,
  packBundle,
  lockFile,
  type Golden,
  type PythonRuntime,
  type ServiceView,
} from './bundle.ts'
export { requireLogged, requirePreprocess, requireRules } from './input-rules.ts'
export { enlarged } from './enlarged.ts'
export { rehearse, type Programme, type Rehearsal, type Replay } from './rehearsal.ts'
export type { Check } from './check.ts'
export type { ReplayRow } from './replay.ts'
export { bundleNode, type Because, type DeployRequest } from './traffic-control.ts'
export type { Deployment, DeploymentDetail, Prediction, Revision, RevisionState, TrafficChange } from './deployment.ts'
export { convertModel, type ConversionRequest, type Converted } from './conversion.ts'
export { probeModel, type Probe, type ProbeRequest } from './probe.ts'
export type { Interpreters } from './bundle-folder.ts'
export type { WorkerSettings } from './server-settings.ts'
export type { GuardVerdict } from './guard.ts'
export type { PredictionQuery } from './log-reader.ts'
