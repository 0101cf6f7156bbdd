import type { Clock } from '#kernel/clock.ts'
import type { AnyTx, Outbox } from '#storage'
import type { Tracking } from '#tracking'
import type { Announcer } from './announce.ts'
import { runStarted, taskAsked } from './events.ts'
import type { Given } from './lineage.ts'
import type { TaskRecord } from './record.ts'
import { isGood, type Run, type RunId } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { Child } from './run-draft.ts'
import type { Starter } from './start.ts'
import type { Finished, Held, WorkflowStore } from './store.ts'
import { environmentTags } from './tracked-task.ts'

export interface SettleRequest extends Held {
  readonly run: RunId
  /** Which of the attempt's calls it was. */
  readonly call: number
  readonly owner: string
  readonly outcome: Outcome
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
}

interface Deps {
  readonly store: WorkflowStore
  readonly tracking: Pick<Tracking, 'runs'>
  readonly outbox: Outbox
  readonly announcer: Announcer
  readonly clock: Clock
  readonly starter: Pick<Starter, 'insert'>
}

export function createSettler({ store, tracking: tracked, outbox, announcer, clock, starter }: Deps): Settler {
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
    if (done.ended) await announcer.run(tx, done.run, actor)
    return done.run
  }

  return {
    async settle(tx, requests, between) {
      const now = clock.now()
      const ended = await store.finish(
        tx,
        requests.map(({ task, attempt, call, owner, outcome, record }) => ({
          task,
          attempt,
          call,
          owner,
          outcome,
          record,
          at: now,
        })),
      )
      await between()
      const own = requests.flatMap((request, index) => {
        const done = ended[index]
        return done ? [{ request, done, given: request.given }] : []
      })
      for (const { request, done } of own) await follow(tx, request, done)
      await announcer.tasks(tx, own)
      return ended.map(done => done !== undefined)
    },
    resume,
  }
}
