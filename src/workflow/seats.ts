import { hostname } from 'node:os'
import type { Clock } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import type { RoomAt } from '#project'
import type { AnyTx, Signal } from '#storage'
import { leaseMs } from './lease.ts'
import { poolOf, type AttemptId, type Pool, type RunId, type TaskId } from './run.ts'
import { stop, type StopKind } from './stop.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'

/** What runs in this process: as many tasks of each pool as there are seats. */
export interface Seats {
  readonly running: ReadonlyMap<AttemptId, { readonly run: RunId; readonly task: TaskId }>
  /** From when on something may be due for which this process has seats. */
  due(tx?: AnyTx): Promise<Due>
  /** How many seats of a pool there are, and how many of them are free. */
  of(pool: Pool): { readonly all: number; readonly free: number }
  /** Whether there is a seat for something that is due. */
  canTake(due: Due, now: number): boolean
  /** Keeps the seats that are free when these attempts have ended from whoever claims meanwhile, until they are given back. */
  hold(ended: ReadonlySet<AttemptId>): Hold
  giveBack(hold: Hold): void
  /** Takes due tasks for the seats that are held. */
  claim(tx: AnyTx, hold: Hold): Promise<readonly Claim[]>
  /** Called when both are written. */
  fill(claims: readonly Claim[], ended: ReadonlySet<AttemptId>): void
  /** Runs what was claimed, seat or not. */
  launch(claim: Claim): void
  end(id: AttemptId, kind: StopKind): void
  /** Takes nothing more until it is opened again, and resolves when all that runs has ended, or was left. */
  close(options: { endTasks: boolean }): Promise<void>
  open(): void
}

/** Runs one claimed attempt to its recorded end. Rejects when that cannot be recorded; the lease then runs out. */
export type Runner = (claim: Claim, controller: AbortController) => Promise<void>

/** So many seats of each pool. */
export type Hold = ReadonlyMap<Pool, number>

/** By pool; one of which nothing is due is left out. */
type Due = Readonly<Partial<Record<Pool, number>>>

interface Deps {
  readonly store: Pick<WorkflowStore, 'dueAt' | 'claim'>
  readonly clock: Clock
  readonly changed: Signal
  readonly owner: string
  readonly room: Pick<RoomAt, 'machine'>
  /** How many seats there are; of a pool that is left out there are none. */
  readonly limits: ReadonlyMap<Pool, number>
  readonly runner: Runner
  warn(facts: object, message: string): void
}

interface Running {
  readonly run: RunId
  readonly task: TaskId
  readonly pool: Pool
  readonly controller: AbortController
  readonly done: Promise<void>
  /** Until its result is written, or it has ended without. */
  isSeated: boolean
}

const nobody: ReadonlySet<AttemptId> = new Set()

export function createSeats(deps: Deps): Seats {
  const { store, clock, owner, limits } = deps
  const pools = [...limits.keys()]
  const { running, taken, launch, leave, has } = createOccupants(deps)
  const holds = new Set<Hold>()
  let isOpen = false

  /** Seats of a pool, those of attempts included that are just ending. */
  function free(pool: Pool, ended: ReadonlySet<AttemptId>): number {
    let seats = (limits.get(pool) ?? 0) - taken(pool)
    for (const hold of holds) seats -= hold.get(pool) ?? 0
    for (const id of ended) if (has(id, pool)) seats++
    return seats
  }

  return {
    running,
    launch,
    due: tx => store.dueAt(pools, tx),
    of: pool => ({ all: limits.get(pool) ?? 0, free: Math.max(0, free(pool, nobody)) }),
    canTake: (due, now) => isOpen && pools.some(pool => isDue(due[pool], now) && free(pool, nobody) > 0),

    hold(ended) {
      const hold: Hold = new Map(pools.map(pool => [pool, Math.max(0, free(pool, ended))]))
      holds.add(hold)
      return hold
    },

    giveBack: hold => void holds.delete(hold),

    async claim(tx, hold) {
      if (!isOpen) return []
      const due = await store.dueAt(pools, tx)
      const now = clock.now()
      const taker = { owner, machine: hostname(), devices: deps.room.machine.gpus, now, leaseUntil: now + leaseMs }
      const claims: Claim[] = []
      for (const [pool, limit] of hold) {
        if (limit > 0 && isDue(due[pool], now)) claims.push(...(await store.claim(tx, { pool, limit, ...taker })))
      }
      return claims
    },

    fill(claims, ended) {
      for (const id of ended) leave(id)
      if (claims.length > 0) crashPoint('workflow.task_claimed')
      for (const claim of claims) launch(claim)
    },

    end(id, kind) {
      const one = running.get(id)
      if (one) stop(one.controller, kind)
    },

    open: () => void (isOpen = true),

    async close({ endTasks }) {
      isOpen = false
      // Also what was claimed by a turn that had begun.
      while (running.size > 0) {
        endAll(running.values(), endTasks)
        await Promise.all([...running.values()].map(({ done }) => done))
      }
    },
  }
}

const isDue = (at: number | undefined, now: number): boolean => at !== undefined && at <= now

/** The attempts that run here, and how many seats of each pool they have. */
function createOccupants({ runner, changed, warn }: Pick<Deps, 'runner' | 'changed' | 'warn'>) {
  const running = new Map<AttemptId, Running>()
  const counts = new Map<Pool, number>()

  function stand(one: Running): void {
    if (!one.isSeated) return
    one.isSeated = false
    counts.set(one.pool, counts.get(one.pool)! - 1)
  }

  function launch(claim: Claim): void {
    const { attempt, run, task } = claim
    const [pool, controller] = [poolOf(claim.spec), new AbortController()]
    counts.set(pool, (counts.get(pool) ?? 0) + 1)
    const one: Running = { run: run.id, task, pool, controller, done: follow(), isSeated: true }
    running.set(attempt, one)

    async function follow(): Promise<void> {
      try {
        await runner(claim, controller)
      } catch (error) {
        warn({ run: run.id, task, err: error }, 'attempt is left to its lease')
      }
      if (one.isSeated) changed.notify()
      stand(one)
      // An attempt that has waited may have been called again meanwhile.
      if (running.get(attempt) === one) running.delete(attempt)
    }
  }

  return {
    running,
    launch,
    taken: (pool: Pool): number => counts.get(pool) ?? 0,
    has(id: AttemptId, pool: Pool): boolean {
      const one = running.get(id)
      return one?.pool === pool && one.isSeated
    },
    /** Its seat is somebody else's. */
    leave(id: AttemptId): void {
      const one = running.get(id)
      if (one) stand(one)
    },
  }
}

/** What the platform does itself ends with it; users' code can go on. */
function endAll(running: Iterable<Running>, endTasks: boolean): void {
  for (const { pool, controller } of running) stop(controller, pool !== 'platform' && !endTasks ? 'left' : 'shutdown')
}
