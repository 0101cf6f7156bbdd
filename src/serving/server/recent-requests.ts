import { factsOf } from './access-log.ts'
import type { Visit } from './visit.ts'

/** The last requests that were slow, and the last that failed, for whoever looks for the reason. */
export interface RecentRequests {
  tell(visit: Visit): void
  /** Newest first. */
  read(): Recent
}

export type RecentRequest = ReturnType<typeof factsOf>
export interface Recent {
  readonly slow: readonly RecentRequest[]
  readonly failed: readonly RecentRequest[]
}

const [slowMs, keptMax] = [100, 100]

/** Whether a request is kept here; most are not, and cost no more than this. */
export const isNoteworthy = (status: number, ms: number): boolean => status >= 400 || ms >= slowMs

export function createRecentRequests(): RecentRequests {
  const slow: RecentRequest[] = []
  const failed: RecentRequest[] = []
  return {
    tell(visit) {
      const ms = visit.endedAt - visit.course.startedAt
      if (!isNoteworthy(visit.status, ms)) return
      const kept = visit.status >= 400 ? failed : slow
      kept.unshift(factsOf(visit, undefined))
      if (kept.length > keptMax) kept.pop()
    },
    read: () => ({ slow, failed }),
  }
}

/** Those of several processes, newest first. */
export function addedRecent(said: readonly Recent[]): Recent {
  const newest = (of: keyof Recent): readonly RecentRequest[] =>
    said
      .flatMap(recent => recent[of])
      .toSorted((a, b) => b.at.localeCompare(a.at))
      .slice(0, keptMax)
  return { slow: newest('slow'), failed: newest('failed') }
}
