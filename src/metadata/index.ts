export { createLedger, type Entries, type Ledger, type NewNode, type Resolver } from './ledger.ts'
export type { Edge, Lineage, Node, NodeKind } from './node.ts'
export {
  createOpenLineageIntake,
  type BatchAnswer as OpenLineageBatch,
  type Caller as OpenLineageCaller,
  type OpenLineageIntake,
} from './openlineage-intake.ts'
export { datasetEvent, givenAndMade, runEvent, type OpenLineageOut } from './openlineage-event.ts'
export { openLineageRoutes } from './openlineage-routes.ts'
export { sqlOpenLineageStore } from './openlineage-store.sql.ts'
export { metadataRoutes } from './routes.ts'
export { sqlLedgerStore } from './store.sql.ts'
export { ledgerRecords, metadataMigrations } from './tables.ts'
