export { createRegistry, type Registry } from './registry.ts'
export type { FeatureRow, Scalar } from './score-rows.ts'
export { registryTasks } from './tasks.ts'
export { modelRoutes } from './model-routes.ts'
export { registryRoutes } from './routes.ts'
export { registryMigrations, registryRecords, registryRows } from './tables.ts'
export { sqlModelStore } from './store.sql.ts'
export { createOnnx, type Onnx } from './onnx.ts'
export { evaluationPipeline } from './evaluation-pipeline.ts'
export { stageChanged, versionRegistered } from './events.ts'
export { outputKey } from './wire.ts'
export { datatypeOf, scoreOutput, type ScoreOutput, type Signature, type Tensor } from './signature.ts'
export { logisticOnnx, type LogisticSpec } from './logistic-onnx.ts'
export { rowLosses, lossOf, type LossName } from './loss.ts'
export {
  isEvaluated,
  type EvaluatedVersion,
  type Model,
  type ModelVersion,
  type Stage,
  type Transition,
} from './model-version.ts'
export { createProductionRule, type ProductionGuard, type ProductionRule } from './production.ts'
export { isPrompt, type RegisteredModel } from './registered-model.ts'
export { createRegisteredModels, type Place, type RegisteredModels } from './registered-models.ts'
export { createRegisteredVersions, type RegisteredVersions } from './registered-versions.ts'
export type { SourceOwners, SourceThing } from './sources.ts'
export type { Found, Readable } from './store.ts'
export { createWebhookCourier } from './webhook-courier.ts'
export { createWebhooks, subjectOf, type Webhooks } from './webhooks.ts'
export { createWebhookImports, type WebhookImports } from './webhook-imports.ts'
export { webhookImportRoutes } from './webhook-import-routes.ts'
export { webhookRoutes } from './webhook-routes.ts'
export { sqlWebhookStore, webhookDeliveries, webhookSecrets } from './webhook-store.sql.ts'
export { webhookMigrations } from './webhook-tables.ts'
export type { Webhook } from './webhook.ts'
export type { Evaluation } from './evaluator.ts'
export { createRegistryImports } from './imports.ts'
export { registryImportRoutes } from './import-routes.ts'
