import { hostname } from 'node:os'
import type { RoomAt } from '#project'
import { busyMs, type Signal } from '#storage'
import { every } from './every.ts'
import { createLeases, heldOf, lookMs, renewMs, type LeaseDeps } from './leases.ts'
import { failOverdue } from './overdue.ts'
import type { Seats } from './seats.ts'
import { machineOwner, machineSlots } from './room.ts'
import type { RunId } from './run.ts'
import type { WorkflowStore } from './store.ts'
import type { Turns } from './turn.ts'

/** Gives due tasks to this process as long as it has room, keeps its leases, and takes over what others have lost. */
export interface Scheduler {
  /** Takes back what this owner's former process has left running, then schedules until `stop`. */
  start(): Promise<void>
  /**
   * Ends the platform's own tasks, without counting that as a try, and resolves when they have ended. What runs under an
   * executor goes on by itself, for the next process to follow, unless `endTasks`.
   */
  stop(options?: { endTasks?: boolean }): Promise<void>
  /** Ends the running tasks of a run. */
  cancel(run: RunId): void
}

interface Deps extends LeaseDeps {
  readonly changed: Signal
  readonly turns: Turns
  readonly seats: Seats
  /** What there is for tasks to take. */
  readonly room: RoomAt
  /** Starts the runs whose instant has come. Answers the next instant that there is; undefined for none. */
  readonly tick: () => Promise<number | undefined>
}

const machine = hostname()

export function createScheduler(deps: Deps): Scheduler {
  const { store, clock, changed, turns, seats, warn } = deps
  const loops: Promise<void>[] = []
  let stopping = new AbortController()

  /** Fills free seats with what is due. Answers how long nothing more will be due by itself. */
  async function look(): Promise<number> {
    const due = await seats.due()
    const now = clock.now()
    if (seats.canTake(due, now)) await turns.take()
    return until(
      Object.values(due).filter(at => at !== undefined),
      now,
    )
  }

  /** Until the next of these instants, or until it is to be looked all the same. */
  const until = (instants: readonly number[], now: number): number =>
    Math.min(changed.pauseMs(), ...instants.filter(at => at > now).map(at => at - now))

  async function dispatch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const mark = changed.mark()
      const waitMs = await look().catch(error => {
        warn({ err: error }, 'tasks could not be claimed')
        return changed.pauseMs()
      })
      if (!signal.aborted) await changed.wait(mark, waitMs)
    }
  }

  /** Of many changes in a row only some are looked at: a pause follows. */
  async function tick(signal: AbortSignal): Promise<void> {
    const mark = changed.mark()
    const next = await deps.tick()
    if (!signal.aborted) await changed.wait(mark, until(next === undefined ? [] : [next], clock.now()) - busyMs)
  }

  const leases = createLeases(deps, seats)

  return {
    async start() {
      stopping = new AbortController()
      await offer(store, deps.room)
      await leases.takeBack()
      seats.open()
      const { signal } = stopping
      const failed = (error: unknown): void => warn({ err: error }, 'a chore of the scheduler failed')
      loops.push(
        dispatch(signal),
        every(busyMs, () => tick(signal), { signal, failed }),
        every(renewMs, () => leases.renew(), { signal, failed }),
        every(lookMs, () => leases.takeOver(), { signal, failed }),
        every(lookMs, () => failOverdue({ ...deps, machine }), { signal, failed }),
      )
    },

    async stop({ endTasks = false } = {}) {
      const held = heldOf(seats.running)
      stopping.abort()
      changed.notify()
      await Promise.all([seats.close({ endTasks }), ...loops.splice(0)])
      // What the last look has taken.
      await seats.close({ endTasks })
      await leases.release(held)
    },

    cancel(run) {
      for (const [id, other] of seats.running) if (other.run === run) seats.end(id, 'cancelled')
    },
  }
}

/** Says what this server and its machine have for tasks. */
const offer = (store: WorkflowStore, room: RoomAt): Promise<void> =>
  store.transaction(async tx => {
    await store.setSlots(tx, '', room.pools)
    await store.setSlots(tx, machineOwner(machine), machineSlots(room.machine))
  })
