import type { Claim } from './claim.ts'
import type { AttemptId } from './run.ts'
import type { SettleRequest } from './settle.ts'
import type { LiveAttempt } from './store.ts'
import type { AttemptRow, LeaseRow, RunRow, TaskRow, WorkflowTables } from './tables.ts'

/** Two servers and one task, at an instant at which none of them is in the middle of anything. */
export interface World {
  /** What is committed. */
  readonly rows: Rows
  readonly now: number
  readonly servers: readonly Server[]
  /** What became of the calls of attempts, as the machine knows it and no database. */
  readonly calls: Readonly<Record<AttemptId, CallState>>
  /** Whether a call goes on without the server that has begun it, and can be found again by what was noted of it. */
  readonly isHeld: boolean
  /** How many may still happen. */
  readonly faults: number
  /** What the last step has shown to be wrong, where that cannot be seen of what it has left behind. */
  readonly wrong: string | undefined
}

export type CallState = 'runs' | 'succeeded' | 'failed' | 'waits' | 'gone'

/** What a server knows, which dies with it. */
export interface Server {
  readonly name: string
  readonly isUp: boolean
  /** What it has claimed or taken over. */
  readonly follows: readonly Followed[]
  /** A lease that it has found to have run out, and has not acted on. */
  readonly seen: LiveAttempt | undefined
  /** Results that it is about to write, or of which it was not told that they are written. */
  readonly words: readonly SettleRequest[]
}

export interface Followed {
  readonly claim: Claim
  readonly isBegun: boolean
}

export interface Rows {
  readonly workflow_run: RunRow
  readonly workflow_task: TaskRow
  readonly workflow_queue: readonly WorkflowTables['workflow_queue'][]
  readonly workflow_lease: readonly LeaseRow[]
  readonly workflow_attempt: readonly AttemptRow[]
}

/** Adds a step; `change` is called over the tables of its world. */
export type AddStep = (name: string, change: Partial<World> | (() => Promise<Partial<World>>), kind?: 'fault') => void

/** Whether it has the attempt in its hands, up to its written end. */
export const holds = ({ follows, words }: Server, attempt: string): boolean =>
  follows.some(one => one.claim.attempt === attempt) || words.some(word => word.attempt === attempt)

/** The same for worlds with the same future. Servers are alike. */
export function keyOf(world: World): string {
  const [here, there] = [world.servers, world.servers.toReversed()].map(servers =>
    JSON.stringify(viewOf({ ...world, servers })),
  )
  return here! < there! ? here! : there!
}

/**
 * What decides about the future. Of instants that is whether they have passed; of numbers of attempts, how many are left;
 * of what is not live any more, only that somebody still believes in it.
 */
function viewOf({ rows, now, servers, calls, faults }: World): unknown {
  const { workflow_run: run, workflow_task: task, workflow_lease: leases } = rows
  const placeOf = (owner: string): number => servers.findIndex(({ name }) => name === owner)
  const isLive = (id: string): boolean =>
    leases.some(({ attempt }) => attempt === id) ||
    rows.workflow_attempt.some(one => one.id === id && one.state === 'waiting')
  const callOf = (id: AttemptId): string | undefined => (isLive(id) || calls[id] === 'runs' ? calls[id] : undefined)
  return [
    [run.state, run.cancel_requested_at !== null, run.tasks_open],
    [task.state, task.attempts_max - task.attempt],
    rows.workflow_queue.map(({ next_at }) => next_at <= now),
    leases.map(one => [placeOf(one.owner), one.lease_until < now, one.handle, callOf(one.attempt as AttemptId)]),
    servers.map(({ isUp, follows, seen, words }) => [
      isUp,
      follows.map(({ claim: { attempt, attemptsMax, number }, isBegun }) =>
        isLive(attempt) ? [isBegun, attemptsMax - number] : [isBegun, callOf(attempt)],
      ),
      seen && (isAsSeen(seen, rows) ? ['as seen', seen.handle] : 'otherwise'),
      words.map(({ attempt, outcome }) => (isLive(attempt) ? outcome.state : 'late')),
    ]),
    Object.keys(calls).filter(id => calls[id as AttemptId] === 'runs' && !isLive(id)).length,
    faults,
  ]
}

const isAsSeen = ({ id, owner, leaseUntil }: LiveAttempt, { workflow_lease }: Rows): boolean =>
  workflow_lease.some(one => one.attempt === id && one.owner === owner && one.lease_until === leaseUntil)

/** What a step has broken of S2, S3, S5 and S7 of docs/crash-semantics.md. */
export function wrongs(before: World, after: World): readonly string[] {
  const broken = Object.entries(rules).flatMap(([rule, holdsIn]) => (holdsIn(after, before) ? [] : [rule]))
  return after.wrong === undefined ? broken : [...broken, after.wrong]
}

const rules: Readonly<Record<string, (after: World, before: World) => boolean>> = {
  'What an attempt came to is recorded once.': (after, before) =>
    before.rows.workflow_attempt
      .filter(({ state }) => state !== 'waiting')
      .every(was => after.rows.workflow_attempt.some(is => isSame(was, is))),
  'A task that has ended stays as it is.': ({ rows }, before) =>
    before.rows.workflow_task.ended_at === null || isSame(before.rows.workflow_task, rows.workflow_task),
  'A task succeeds by one attempt, whose call has succeeded.'({ rows, calls }) {
    const good = rows.workflow_attempt.filter(({ state }) => state === 'succeeded')
    const isMade = good.every(({ id }) => calls[id as AttemptId] === 'succeeded')
    return isMade && good.length === (rows.workflow_task.state === 'succeeded' ? 1 : 0)
  },
  'An attempt has a lease until it has ended, and not after.': ({ rows }, before) =>
    before.rows.workflow_lease.every(
      ({ attempt }) =>
        rows.workflow_lease.some(is => is.attempt === attempt) !==
        rows.workflow_attempt.some(({ id }) => id === attempt),
    ),
  'A lease that has not run out is not taken over.': ({ rows }, before) =>
    before.rows.workflow_lease.every(
      was =>
        was.lease_until < before.now ||
        rows.workflow_lease.every(is => is.attempt !== was.attempt || is.owner === was.owner),
    ),
  'A task has one lease while it runs, and is in the queue while it may be claimed.': ({ rows }) =>
    rows.workflow_lease.length === (rows.workflow_task.state === 'running' ? 1 : 0) &&
    rows.workflow_queue.length === (['ready', 'waiting'].includes(rows.workflow_task.state) ? 1 : 0),
  'Of calls that go on without their server one runs at a time.': ({ isHeld, calls }) =>
    !isHeld || Object.values(calls).filter(state => state === 'runs').length <= 1,
  'After cancelling nothing begins.': ({ rows }, before) =>
    before.rows.workflow_run.cancel_requested_at === null ||
    rows.workflow_task.attempt === before.rows.workflow_task.attempt,
  'A run ends with its task.': ({ rows }) =>
    (rows.workflow_run.ended_at === null) === (rows.workflow_task.ended_at === null),
}

const isSame = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)
