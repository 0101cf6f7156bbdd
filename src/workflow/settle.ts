import type { Clock } from '#kernel/clock.ts'
import type { Json } from '#kernel/json.ts'
import type { Entries, Ledger } from '#metadata'
import { announcement, type Announcement, type AnyTx, type Outbox } from '#storage'
import type { Tracking } from '#tracking'
import { runFinished, runStarted, taskAsked, taskFinished } from './events.ts'
import { taskEntries, type Given } from './lineage.ts'
import type { TaskRecord } from './record.ts'
import { isGood, type AttemptId, type Child, type Outcome, type Run } from './run.ts'
import type { Starter } from './start.ts'
import type { Finished, WorkflowStore } from './store.ts'
import { environmentTags } from './tracked-task.ts'

export interface SettleRequest {
  readonly attempt: AttemptId
  readonly owner: string
  readonly outcome: Outcome
  readonly facts?: Readonly<Record<string, Json>>
  /** What it read and made; absent when that is not known, because the process that ran it is gone. */
  readonly given?: Given
  readonly record?: TaskRecord
}

/** Writes what became of attempts, with events and lineage, as steps of the caller's transaction. */
export interface Settler {
  /**
   * Ends attempts. False for one that was no longer its owner's, and of which nothing was written.
   * @param between Called once the tasks behind them are ready, and before what everybody waits for is held: the events.
   */
  settle(tx: AnyTx, requests: readonly SettleRequest[], between: () => Promise<void>): Promise<readonly boolean[]>
  /** Opens a run again, with its event. Undefined unless it has failed or was cancelled. */
  resume(tx: AnyTx, run: Run, by: { actor: string; place?: number }): Promise<Run | undefined>
  /** What is written when tasks have ended, and with the last ones their runs. */
  announceTasks(tx: AnyTx, ended: readonly EndedTask[]): Promise<void>
  /** What is written when a run has ended, whoever ended it. */
  announceEnd(tx: AnyTx, run: Run, actor?: string): Promise<void>
}

interface EndedTask {
  readonly done: Finished
  readonly given: Given | undefined
}

interface Deps {
  readonly store: WorkflowStore
  readonly ledger: Ledger
  readonly tracking: Pick<Tracking, 'runs'>
  readonly outbox: Outbox
  readonly clock: Clock
  readonly starter: Pick<Starter, 'insert'>
}

export function createSettler({ store, ledger, tracking: tracked, outbox, clock, starter }: Deps): Settler {
  /** What comes of one end beside the state of its run. */
  async function follow(tx: AnyTx, { outcome, record }: SettleRequest, done: Finished): Promise<void> {
    const { tracking, task } = done
    if (task.state === 'waiting' && outcome.state === 'waiting' && outcome.child) await begin(tx, outcome.child)
    if (task.state === 'waiting' && task.kind === 'approval' && outcome.state === 'waiting')
      await ask(tx, done, outcome.waitingFor)
    if (tracking)
      await tracked.runs.end(tx, tracking, isGood(outcome.state) ? 'finished' : 'failed', environmentTags(record ?? {}))
  }

  async function ask(tx: AnyTx, { run, task }: Finished, message: string): Promise<void> {
    const data = { run: run.id, pipeline: run.pipeline, task: task.id, name: task.name, message }
    await outbox.emit(tx, taskAsked, { project: run.project, data })
  }

  async function begin(tx: AnyTx, child: Child): Promise<void> {
    if ('draft' in child) await starter.insert(tx, child.draft)
    else await resume(tx, child.resume, child.resume)
  }

  async function resume(
    tx: AnyTx,
    { id, project, pipeline }: Run,
    { actor, place }: { actor: string; place?: number },
  ): Promise<Run | undefined> {
    const done = await store.resume(tx, id, { at: clock.now(), place })
    if (!done) return undefined
    const cause = { kind: 'manual', reason: `Resumed by ${actor}.`, ref: id } as const
    await outbox.emit(tx, runStarted, { project, actor, data: { run: id, pipeline, cause } })
    if (done.ended) await announceEnd(tx, done.run, actor)
    return done.run
  }

  async function announceTasks(tx: AnyTx, ended: readonly EndedTask[]): Promise<void> {
    const entries = ended.flatMap(({ done, given }) => [
      ...(given && isToldOf(done) ? [taskEntries(done, given)] : []),
      ...(done.runEnded ? [endEntries(done.run)] : []),
    ])
    await ledger.recordAll(tx, together(entries))
    await outbox.emitAll(
      tx,
      ended.flatMap(({ done }) => [
        ...(isToldOf(done) ? [taskEvent(done)] : []),
        ...(done.runEnded ? [endEvent(done.run)] : []),
      ]),
    )
  }

  async function announceEnd(tx: AnyTx, run: Run, actor?: string): Promise<void> {
    await ledger.recordAll(tx, endEntries(run))
    await outbox.emitAll(tx, [endEvent(run, actor)])
  }

  return {
    async settle(tx, requests, between) {
      const now = clock.now()
      const ended = await store.finish(
        tx,
        requests.map(({ given: _, record: __, ...request }) => ({ ...request, at: now })),
      )
      await between()
      const own = requests.flatMap((request, index) => {
        const done = ended[index]
        return done ? [{ request, done, given: request.given }] : []
      })
      await store.putRecords(
        tx,
        own.flatMap(({ request: { attempt, record } }) => (record ? [{ attempt, record }] : [])),
      )
      for (const { request, done } of own) await follow(tx, request, done)
      await announceTasks(tx, own)
      return ended.map(done => done !== undefined)
    },
    resume,
    announceTasks,
    announceEnd,
  }
}

/** Tasks that wait, are tried again or were not called have no event and no node. */
const isToldOf = ({ task: { state } }: Finished): boolean =>
  isGood(state) || state === 'failed' || state === 'cancelled'

const taskEvent = ({ run, task }: Finished): Announcement => {
  const data = { run: run.id, task: task.id, name: task.name, state: task.state, attempt: task.attempt }
  return announcement(taskFinished, { project: run.project, data })
}

const endEvent = ({ id, project, pipeline, state, cause, error }: Run, actor = 'trainyard'): Announcement => {
  const data = { run: id, pipeline, state, cause, ...(error !== undefined && { error }) }
  return announcement(runFinished, { project, actor, data })
}

const endEntries = ({ id, pipeline, project, state }: Run): Entries => ({
  nodes: [{ id, kind: 'run', label: pipeline, project, facts: { state } }],
  edges: [],
  firstEdges: [],
})

const together = (entries: readonly Entries[]): Entries => ({
  nodes: entries.flatMap(({ nodes }) => nodes),
  edges: entries.flatMap(({ edges }) => edges),
  firstEdges: entries.flatMap(({ firstEdges }) => firstEdges),
})
