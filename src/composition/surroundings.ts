import type { OnlineStore } from '#features'
import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Db, WakeUps } from '#storage'

/** What a platform is made with. */
export interface Surroundings {
  readonly config: Config
  readonly db: Db
  readonly online: OnlineStore
  readonly onlineUrl: string
  readonly clock: Clock
  /** Between the servers of one database. */
  readonly wakeUps?: WakeUps
  /** Names this server and its successors on the same data folder. */
  readonly owner: string
  readonly version: string
  /** What tools that build environments are given: proxies, caches, certificates. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where this server is reached; known once it listens. */
  baseUrl(): string
  warn(facts: object, message: string): void
}
