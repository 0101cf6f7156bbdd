import { hostname } from 'node:os'
import { crashPoint } from '#kernel/crash-point.ts'
import type { RoomAt } from '#project'
import { every } from './every.ts'
import { createLeases, leaseMs, lookMs, renewMs, type LeaseDeps } from './leases.ts'
import { pools, poolOf, type AttemptId, type Pool, type RunId } from './run.ts'
import { failOverdue } from './overdue.ts'
import { machineOwner, machineSlots } from './room.ts'
import type { Runner } from './runner.ts'
import type { Signal } from './signal.ts'
import { stop, type StopKind } from './stop.ts'
import type { Claim, WorkflowStore } from './store.ts'
import type { Places, Turns } from './turn.ts'

/** Gives due tasks to this process as long as it has room, keeps its leases, and takes over what others have lost. */
export interface Scheduler extends Places {
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
  readonly limits: Readonly<Record<Pool, number>>
  readonly runner: Runner
  /** What there is for tasks to take. */
  readonly room: RoomAt
  /** How often it is looked for work that nobody has told of; 200 ms when left out. */
  readonly pollMs?: number
  /** Called every `pollMs`: starts the runs whose instant has come. */
  readonly tick: () => Promise<void>
}

interface Running {
  readonly run: RunId
  readonly pool: Pool
  readonly controller: AbortController
  readonly done: Promise<void>
  /** Whether its result is written: its place is somebody else's. */
  hasSettled: boolean
}

const pollMsDefault = 200
const machine = hostname()
const nobody: ReadonlySet<AttemptId> = new Set()

export function createScheduler(deps: Deps): Scheduler {
  const { store, clock, changed, turns, owner, limits, warn, pollMs = pollMsDefault } = deps
  const running = new Map<AttemptId, Running>()
  const loops: Promise<void>[] = []
  let stopping = new AbortController()
  let isTaking = false

  function launch(claim: Claim): void {
    const { attempt, run } = claim
    const controller = new AbortController()
    const one: Running = { run: run.id, pool: poolOf(claim.spec), controller, done: follow(), hasSettled: false }
    running.set(attempt, one)

    async function follow(): Promise<void> {
      try {
        await deps.runner(claim, controller)
      } catch (error) {
        warn({ run: run.id, task: claim.task, err: error }, 'attempt is left to its lease')
      }
      if (!one.hasSettled) changed.notify()
      // An attempt that has waited may have been called again meanwhile.
      if (running.get(attempt) === one) running.delete(attempt)
    }
  }

  /** Places of a pool, those of attempts included that are just ending. */
  function free(pool: Pool, ended: ReadonlySet<AttemptId>): number {
    const taken = [...running].filter(([id, one]) => one.pool === pool && !one.hasSettled && !ended.has(id))
    return limits[pool] - taken.length
  }

  /** Fills free places with what is due. Answers how long nothing more will be due by itself. */
  async function look(): Promise<number> {
    const due = await store.dueAt()
    const now = clock.now()
    if (pools.some(pool => isDue(due[pool], now) && free(pool, nobody) > 0)) await turns.take()
    const later = Object.values(due).filter(at => at > now)
    return Math.min(pollMs, ...later.map(at => at - now))
  }

  async function dispatch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const mark = changed.mark()
      const waitMs = await look().catch(error => {
        warn({ err: error }, 'tasks could not be claimed')
        return pollMs
      })
      if (!signal.aborted) await changed.wait(mark, waitMs)
    }
  }

  const end = (id: AttemptId, kind: StopKind): void => endIn(running, id, kind)
  const leases = createLeases(deps, { running, follow: launch, end })

  return {
    async start() {
      stopping = new AbortController()
      await offer(store, deps.room)
      await leases.takeBack()
      isTaking = true
      const { signal } = stopping
      const failed = (error: unknown): void => warn({ err: error }, 'a chore of the scheduler failed')
      loops.push(
        dispatch(signal),
        every(pollMs, deps.tick, { signal, failed }),
        every(renewMs, () => leases.renew(), { signal, failed }),
        every(lookMs, () => leases.takeOver(), { signal, failed }),
        every(lookMs, () => failOverdue({ ...deps, machine }), { signal, failed }),
      )
    },

    async stop({ endTasks = false } = {}) {
      const ids = [...running.keys()]
      isTaking = false
      stopping.abort()
      changed.notify()
      endAll(running, endTasks)
      await Promise.all(loops.splice(0))
      while (running.size > 0) {
        // What was claimed by the last turn.
        endAll(running, endTasks)
        await Promise.all([...running.values()].map(({ done }) => done))
      }
      await leases.release(ids)
    },

    async claim(tx, ended) {
      if (!isTaking) return []
      const due = await store.dueAt(tx)
      const now = clock.now()
      const claims: Claim[] = []
      for (const pool of pools) {
        const limit = free(pool, ended)
        if (limit > 0 && isDue(due[pool], now))
          claims.push(...(await store.claim(tx, { pool, limit, owner, machine, now, leaseUntil: now + leaseMs })))
      }
      return claims
    },

    fill(claims, ended) {
      for (const id of ended) {
        const one = running.get(id)
        if (one) one.hasSettled = true
      }
      if (claims.length > 0) crashPoint('workflow.task_claimed')
      for (const claim of claims) launch(claim)
    },

    cancel(run) {
      for (const [id, other] of running) if (other.run === run) end(id, 'cancelled')
    },
  }
}

const isDue = (at: number | undefined, now: number): boolean => at !== undefined && at <= now

/** Says what this server and its machine have for tasks. */
const offer = (store: WorkflowStore, room: RoomAt): Promise<void> =>
  store.transaction(async tx => {
    await store.setSlots(tx, '', room.pools)
    await store.setSlots(tx, machineOwner(machine), machineSlots(room.machine))
  })

function endIn(running: ReadonlyMap<AttemptId, Running>, id: AttemptId, kind: StopKind): void {
  const one = running.get(id)
  if (one) stop(one.controller, kind)
}

/** What the platform does itself ends with it; users' code can go on. */
function endAll(running: ReadonlyMap<AttemptId, Running>, endTasks: boolean): void {
  for (const [id, { pool }] of running) endIn(running, id, pool !== 'platform' && !endTasks ? 'left' : 'shutdown')
}
