export { environmentRoutes } from './environment-routes.ts'
export {
  localExecutor,
  type LocalExecutor,
  type LocalExecutorDeps,
  type Mlflow,
  type MlflowAccess,
} from './executor.ts'
export { chosenExecutor } from './executors.ts'
export { interpreterOf } from './interpreter.ts'
export { lockRequirements } from './requirements-lock.ts'
export { engineOf, readExecutors, type ExecutorSpecs } from './executor-settings.ts'
export { createIsolation, isolationKind, isolationRemedy } from './isolation.ts'
export { createRemotes, type Remotes } from './remotes.ts'
export { attemptRoutes } from './routes.ts'
export { sqlRemoteStore } from './store.sql.ts'
export { computeMigrations } from './tables.ts'
