import { isoInstant } from '#kernel/clock.ts'
import { lacking, on, waitOf, type Demand, type Room } from './room.ts'
import type { Pool } from './run.ts'

/** A task in the queue. */
export interface Queued {
  readonly pool: Pool
  /** What it takes while it runs; undefined for nothing. */
  readonly demand: Demand | undefined
  /** From when on it may be called. */
  readonly nextAt: number
}

/** What a server has for it. */
export interface Place {
  readonly machine: string
  readonly room: Room
  readonly seats: { readonly all: number; readonly free: number }
  readonly now: number
}

/** What a task in the queue waits for, in words; undefined when it is about to be called. */
export function waitFor({ pool, demand, nextAt }: Queued, { machine, room, seats, now }: Place): string | undefined {
  if (nextAt > now) return `its next try, at ${isoInstant(nextAt)}`
  const asked = demand && on(machine, demand)
  if (seats.all > 0 && asked && lacking(asked, room).length > 0) return waitOf(asked, room)
  if (seats.free === 0)
    return `${seatOf(pool)}, of which this server has ${seats.all === 0 ? 'none' : `${seats.all}, all taken`}`
  return asked && waitOf(asked, room)
}

function seatOf(pool: Pool): string {
  switch (pool) {
    case 'platform':
      return 'a seat for work of the platform'
    case 'executor':
      return 'a seat for tasks on this machine'
    case 'remote':
      return 'a seat for tasks on other machines'
    default:
      return `a seat of ${pool.replace('/', ' ')}`
  }
}
