export { createMonitoring, type Monitoring, type MonitoringParts } from './monitoring.ts'
export { sqlMonitoringStores } from './store.sql.ts'
export { monitoringMigrations } from './tables.ts'
export { provideMonitoring, subscribeMonitoring } from './subscribers.ts'
export { monitoringRoutes } from './routes.ts'
export {
  driftFound,
  feedbackRouted,
  incidentOpened,
  incidentResolved,
  performanceLost,
  truthReceived,
  windowEvaluated,
} from './events.ts'
export type { FeedbackItem, Incident } from './incident.ts'
export type { MonitorSummary } from './monitor.ts'
export type { Window } from './window.ts'
export type { Signal } from './signal.ts'
