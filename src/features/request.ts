/** What computes request features, for who answers requests: without a store, a database or an engine. */
export { parseDay, parseInstant } from './expression/calendar.ts'
export type { Expression, Value, ValueType } from './expression/expression.ts'
export { computeFeature, planRequest, type PlannedFeature, type PlannedRead, type RequestPlan } from './request-plan.ts'
