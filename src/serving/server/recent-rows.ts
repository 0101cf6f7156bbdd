import type { OnlineRow } from '#features'

/** The rows of views that were read last, for who may be answered with them while the store does not answer. */
export interface RecentRows {
  remember(view: string, rows: readonly OnlineRow[]): void
  /** The newest row of a key that was read, unless it is of a later instant; its values may be older than they may be. */
  recall(view: string, key: string, at?: number): OnlineRow | undefined
}

/** Some ten megabytes of rows with twenty numbers each. */
const rowsMax = 50_000

export function createRecentRows(): RecentRows {
  /** Longest unread first. */
  const known = new Map<string, OnlineRow>()
  return {
    remember(view, rows) {
      for (const row of rows) {
        if (row.eventTime === undefined) continue
        const place = `${view} ${row.key}`
        const before = known.get(place)
        known.delete(place)
        known.set(place, before && before.eventTime! > row.eventTime ? before : row)
      }
      for (const place of known.keys()) {
        if (known.size <= rowsMax) return
        known.delete(place)
      }
    },
    recall(view, key, at = Infinity) {
      const row = known.get(`${view} ${key}`)
      return row && row.eventTime! <= at ? row : undefined
    },
  }
}
