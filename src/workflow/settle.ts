import type { Clock } from '#kernel/clock.ts'
import type { Json } from '#kernel/json.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Outbox } from '#storage'
import type { Tracking } from '#tracking'
import { batched } from '#kernel/batch.ts'
import { runFinished, runStarted, taskAsked, taskFinished } from './events.ts'
import { recordTask, type Given } from './lineage.ts'
import type { TaskRecord } from './record.ts'
import { isGood, type AttemptId, type Child, type Outcome, type Run } from './run.ts'
import type { Signal } from './signal.ts'
import type { Starter } from './start.ts'
import type { Finished, WorkflowStore } from './store.ts'
import { environmentTags } from './tracked-task.ts'

interface SettleRequest {
  readonly attempt: AttemptId
  readonly owner: string
  readonly outcome: Outcome
  readonly facts?: Readonly<Record<string, Json>>
  /** What it read and made; absent when that is not known, because the process that ran it is gone. */
  readonly given?: Given
  readonly record?: TaskRecord
}

/** Writes what became of an attempt, with its events and its lineage, in one transaction. */
export interface Settler {
  /** False when the attempt was no longer the owner's, and nothing was written. */
  settle(request: SettleRequest): Promise<boolean>
  /** Opens a run again, with its event. Undefined unless it has failed or was cancelled. */
  resume(tx: AnyTx, run: Run, by: { actor: string; place?: number }): Promise<Run | undefined>
  /** What is written when a task has ended, and with the last one its run. */
  announceTask(tx: AnyTx, done: Finished, given?: Given): Promise<void>
  /** What is written when a run has ended, whoever ended it. */
  announceEnd(tx: AnyTx, run: Run, actor?: string): Promise<void>
}

interface Deps {
  readonly store: WorkflowStore
  readonly ledger: Ledger
  readonly tracking: Pick<Tracking, 'runs'>
  readonly outbox: Outbox
  readonly clock: Clock
  readonly starter: Pick<Starter, 'insert'>
  readonly changed: Signal
}

/** So many results share one transaction, and with it one wait for the disk. */
const batchMax = 64

export function createSettler(deps: Deps): Settler {
  const { store, ledger, tracking: tracked, outbox, clock, starter, changed } = deps

  async function settleOne(
    tx: AnyTx,
    { attempt, owner, outcome, facts = {}, given, record }: SettleRequest,
  ): Promise<boolean> {
    const done = await store.finish(tx, { attempt, owner, outcome, at: clock.now(), facts })
    if (!done) return false
    if (record) await store.putRecord(tx, attempt, record)
    const { tracking } = done
    if (done.task.state === 'waiting' && outcome.state === 'waiting' && outcome.child) await begin(tx, outcome.child)
    if (done.task.state === 'waiting' && done.task.kind === 'approval' && outcome.state === 'waiting')
      await ask(tx, done, outcome.waitingFor)
    if (tracking)
      await tracked.runs.end(tx, tracking, isGood(outcome.state) ? 'finished' : 'failed', environmentTags(record ?? {}))
    await announceTask(tx, done, given)
    return true
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

  async function announceTask(tx: AnyTx, done: Finished, given?: Given): Promise<void> {
    const { task, run } = done
    if (isGood(task.state) || task.state === 'failed' || task.state === 'cancelled') {
      if (given) await recordTask(ledger, tx, done, given)
      const data = { run: run.id, task: task.id, name: task.name, state: task.state, attempt: task.attempt }
      await outbox.emit(tx, taskFinished, { project: run.project, data })
    }
    if (done.runEnded) await announceEnd(tx, run)
  }

  async function announceEnd(tx: AnyTx, run: Run, actor = 'trainyard'): Promise<void> {
    const { id, project, pipeline, state, cause, error } = run
    await ledger.record(tx, { id, kind: 'run', label: pipeline, project, facts: { state } })
    await outbox.emit(tx, runFinished, {
      project,
      actor,
      data: { run: id, pipeline, state, cause, ...(error !== undefined && { error }) },
    })
  }

  const settle = batched(async (requests: readonly SettleRequest[]) => {
    const settled = await store.transaction(async tx => {
      const results: boolean[] = []
      for (const request of requests) results.push(await settleOne(tx, request))
      return results
    })
    changed.notify()
    return settled
  }, batchMax)

  return { settle, resume, announceTask, announceEnd }
}
