import { testEngines } from '#storage/testing.ts'
import { evaluationStoreContract } from './evaluation-store.contract.ts'
import { sqlEvaluationStore } from './evaluation-store.sql.ts'
import { scorerStoreContract } from './scorer-store.contract.ts'
import { sqlScorerStore } from './scorer-store.sql.ts'
import { traceMetricContract } from './store-metric.contract.ts'
import { traceSearchContract } from './store-search.contract.ts'
import { traceStoreContract } from './store.contract.ts'
import { sqlTraceStore } from './store.sql.ts'
import { traceMigrations } from './tables.ts'

for (const engine of testEngines()) {
  traceStoreContract(engine.name, async t => sqlTraceStore(await engine.open(t, traceMigrations)))
  traceSearchContract(engine.name, async t => sqlTraceStore(await engine.open(t, traceMigrations)))
  traceMetricContract(engine.name, async t => sqlTraceStore(await engine.open(t, traceMigrations)))
  evaluationStoreContract(engine.name, async t => sqlEvaluationStore(await engine.open(t, traceMigrations)))
  scorerStoreContract(engine.name, async t => sqlScorerStore(await engine.open(t, traceMigrations)))
}
