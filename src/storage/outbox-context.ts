import type { Clock } from '#kernel/clock.ts'
import type { Db } from './open.ts'
import type { WakeUps } from './wake-ups.ts'

export interface OutboxContext {
  readonly db: Db
  readonly clock: Clock
  /** Names this process among those that share the database: one of them moves a cursor at a time. */
  readonly owner: string
  /** Between the processes of one database; when left out they see each other's events a moment later. */
  readonly wakeUps?: Pick<WakeUps, 'tell' | 'hear' | 'isHearing'>
  warn(facts: object, message: string): void
}
