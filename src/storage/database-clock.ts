import { sql } from 'kysely'
import { wallClock, type Clock, type Millis } from '#kernel/clock.ts'
import type { Db } from './open.ts'

/** A clock that is looked after until `stop`. */
export interface DatabaseClock extends Clock {
  stop(): void
}

const measureMs = 5_000
/** An answer that took longer says too little about when it was given. */
const roundTripMsMax = 500

/**
 * The time that all processes on one database agree on, whatever their machines' clocks say: leases are compared by it.
 * For PostgreSQL it is that of its server, measured every five seconds and carried on by this process's monotonic clock
 * in between; the error is half a round trip. SQLite has one process, whose wall clock it is.
 */
export async function databaseClock(db: Db, url: string): Promise<DatabaseClock> {
  if (url.startsWith('sqlite:')) return { ...wallClock, stop: () => {} }
  let offset = await offsetOf(db, Infinity)
  const measure = async (): Promise<void> => {
    offset = (await offsetOf(db, roundTripMsMax).catch(() => undefined)) ?? offset
  }
  const timer = setInterval(() => void measure(), measureMs).unref()
  return {
    now: () => Math.round(performance.now() + offset!) as Millis,
    stop: () => clearInterval(timer),
  }
}

/** What to add to the monotonic clock; undefined when the answer took too long. */
async function offsetOf(db: Db, roundTripMs: number): Promise<number | undefined> {
  const asked = performance.now()
  const { rows } = await sql<{ now: number }>`select extract(epoch from clock_timestamp()) * 1000 as now`.execute(db)
  const answered = performance.now()
  return answered - asked > roundTripMs ? undefined : rows[0]!.now - (asked + answered) / 2
}
