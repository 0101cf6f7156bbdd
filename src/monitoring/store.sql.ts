import type { Db } from '#storage'
import { sqlIncidentStore } from './incident.sql.ts'
import { sqlMonitorStore } from './monitor.sql.ts'
import type { IncidentStore, MonitorStore, TruthStore } from './store.ts'
import { sqlTruthStore } from './truth.sql.ts'

/** The three stores of monitoring in SQL. */
export const sqlMonitoringStores = (
  db: Db,
): { monitors: MonitorStore; truths: TruthStore; incidents: IncidentStore } => ({
  monitors: sqlMonitorStore(db),
  truths: sqlTruthStore(db),
  incidents: sqlIncidentStore(db),
})
