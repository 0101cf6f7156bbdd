import type { OnlineStore, ServiceFeature } from '#features/online.ts'
import type { ServiceView } from '../bundle.ts'

/** Where features are looked up. */
export interface OnlineFeatures {
  /** Begins to open the store. */
  open(): void
  read: OnlineStore['read']
  /** The features of a service with their names, views and columns. */
  features(service: ServiceView): Promise<readonly ServiceFeature[]>
}

/**
 * The online store of the features component, opened on demand: a model server answers who sends all features at once,
 * and its restart does not wait for a database. After a failure the next request tries again.
 */
export function openOnlineFeatures(url: string): OnlineFeatures {
  let opening: ReturnType<typeof open> | undefined
  const opened = (): ReturnType<typeof open> => {
    opening ??= open(url).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    open: () => void opened().catch(() => {}),
    read: async request => (await opened()).store.read(request),
    features: async service => (await opened()).serviceFeatures(service),
  }
}

async function open(url: string) {
  const { openOnlineStore, serviceFeatures } = await import('#features/online.ts')
  return { store: await openOnlineStore(url), serviceFeatures }
}
