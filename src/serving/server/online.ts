import type { OnlineStore, ServiceFeature } from '#features/online.ts'
import type { ServiceView } from '../bundle.ts'
import { createRecentRows, type RecentRows } from './recent-rows.ts'

/** Where features are looked up. */
export interface OnlineFeatures {
  /** Begins to open the store. */
  open(): void
  read: OnlineStore['read']
  /** The features of a service with their names, views and columns. */
  features(service: ServiceView): Promise<readonly ServiceFeature[]>
  /** What has been read of those views whose old rows may be used. */
  readonly recent: RecentRows
}

/**
 * The online store of the features component, opened on demand: a model server answers who sends all features at once,
 * and its restart does not wait for a database. After a failure the next request tries again.
 */
export function openOnlineFeatures(url: string): OnlineFeatures {
  let opening: Promise<OnlineStore> | undefined
  const opened = (): Promise<OnlineStore> => {
    opening ??= code()
      .then(({ openOnlineStore }) => openOnlineStore(url))
      .catch((error: unknown) => {
        opening = undefined
        throw error
      })
    return opening
  }
  return {
    open: () => void opened().catch(() => {}),
    read: async request => (await opened()).read(request),
    features: async service => (await code()).serviceFeatures(service),
    recent: createRecentRows(),
  }
}

const code = () => import('#features/online.ts')
