export { mlflowCalls, mlflowStreams, type MlflowParts } from './calls.ts'
export { mlflowRoutes } from './routes.ts'
