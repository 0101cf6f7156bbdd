/** What a model server needs of the features, and nothing else: it begins in half the time without the rest. */
export type { OnlineStore } from './online-store.ts'
export { openOnlineStore } from './online-store.sql.ts'
export { serviceFeatures, type ServiceFeature } from './service.ts'
