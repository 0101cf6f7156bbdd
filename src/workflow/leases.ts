import type { Clock } from '#kernel/clock.ts'
import type { AttemptId, TaskId } from './run.ts'
import type { StopKind } from './stop.ts'
import type { Held, LiveAttempt, Renewal, WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import type { Executor } from './task.ts'
import type { Turns } from './turn.ts'
import { leaseMs } from './lease.ts'

export const renewMs = 2_000
/** How often it is looked for attempts whose owner is gone. */
export const lookMs = 1_000
/** What runs on a machine that cannot be seen may still be taken over by somebody there; after so long it is lost. */
const unseenMs = 30_000
const expiredMax = 100

export interface LeaseDeps {
  readonly store: WorkflowStore
  readonly turns: Pick<Turns, 'settle'>
  readonly clock: Clock
  readonly owner: string
  readonly executor: () => Executor | undefined
  warn(facts: object, message: string): void
}

/** Who supervises which attempt, among all processes on one database. */
export interface Leases {
  /** Takes back what the process that had this name before was doing, and ends what nobody wants any more. */
  takeBack(): Promise<void>
  /** Prolongs the leases of what runs here; ends what was cancelled or given up elsewhere, leaves what others follow. */
  renew(): Promise<void>
  /** Takes over what anyone has let go of. */
  takeOver(): Promise<void>
  /** Lets go of these at once, so that nobody waits for their leases to run out. */
  release(attempts: readonly Held[]): Promise<void>
}

interface Hands {
  readonly running: ReadonlyMap<AttemptId, { readonly task: TaskId }>
  /** Follows an attempt that was begun elsewhere. */
  launch(claim: Claim): void
  end(id: AttemptId, kind: StopKind): void
}

export function createLeases(deps: LeaseDeps, { running, launch, end }: Hands): Leases {
  const { store, turns, clock, owner, warn } = deps
  /** Since when the database has answered without a break. */
  let wellSince: number | undefined

  /** Follows it, if that can be done from here; else its task is ready again, which was nobody's failure. */
  async function take(seen: LiveAttempt, why: string): Promise<void> {
    const canFollow = await isReachable(seen)
    if (seen.handle !== undefined && !canFollow && clock.now() - seen.leaseUntil < unseenMs) return
    const claim = await store.transaction(tx => store.takeOver(tx, seen, { owner, leaseUntil: clock.now() + leaseMs }))
    if (!claim) return
    if (canFollow) return launch(claim)
    warn({ task: seen.task, attempt: seen.id, owner: seen.owner }, 'attempt is lost, its task is ready again')
    await turns.settle({
      run: claim.run.id,
      task: seen.task,
      attempt: seen.id,
      call: claim.call,
      owner,
      outcome: { state: 'lost', error: why },
    })
  }

  function endOf(id: AttemptId, { held, taken, cancelled }: Renewal): void {
    if (!held.has(id)) end(id, taken.has(id) ? 'left' : 'lost')
    else if (cancelled.has(id)) end(id, 'cancelled')
  }

  const isReachable = async ({ handle }: LiveAttempt): Promise<boolean> =>
    handle !== undefined && ((await deps.executor()?.canReach(handle)) ?? false)

  return {
    async takeBack() {
      wellSince = undefined
      await deps.executor()?.reap(found => store.live(found))
      for (const seen of await store.runningOf(owner))
        await take(seen, 'The platform ended while the task was running.')
    },

    async renew() {
      try {
        const attempts = heldOf(running)
        const renewal = await store.renew(owner, attempts, clock.now() + leaseMs)
        for (const { attempt } of attempts) endOf(attempt, renewal)
        wellSince ??= clock.now()
      } catch (error) {
        wellSince = undefined
        throw error
      }
    },

    async takeOver() {
      // After an outage of the database all leases have run out, of the living too: they are given time to say so.
      if (wellSince === undefined || clock.now() - wellSince < leaseMs) return
      for (const seen of await store.expired(clock.now(), expiredMax))
        if (!running.has(seen.id)) await take(seen, 'The process that ran it has gone silent.')
    },

    async release(attempts) {
      if (attempts.length === 0) return
      await store
        .renew(owner, attempts, clock.now())
        .catch((error: unknown) => warn({ err: error }, 'leases could not be let go of, and will run out'))
    },
  }
}

export const heldOf = (running: Hands['running']): readonly Held[] =>
  [...running].map(([attempt, { task }]) => ({ task, attempt }))
