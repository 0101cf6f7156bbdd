import type { Entries, Ledger } from '#metadata'
import { announcement, type Announcement, type AnyTx, type Outbox } from '#storage'
import { runFinished, taskFinished } from './events.ts'
import { taskEntries, type Given } from './lineage.ts'
import { isGood, type Run } from './run.ts'
import type { Finished } from './store.ts'

/** What the ledger and the event table are told of ends, in the transaction of the ends. */
export interface Announcer {
  /** Tasks have ended, and with the last ones their runs. `given` is absent when it is not known. */
  tasks(tx: AnyTx, ended: readonly { done: Finished; given: Given | undefined }[]): Promise<void>
  /** A run has ended, whoever ended it. */
  run(tx: AnyTx, run: Run, actor?: string): Promise<void>
}

export function createAnnouncer({ ledger, outbox }: { ledger: Ledger; outbox: Outbox }): Announcer {
  return {
    async tasks(tx, ended) {
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
    },

    async run(tx, run, actor) {
      await ledger.recordAll(tx, endEntries(run))
      await outbox.emitAll(tx, [endEvent(run, actor)])
    },
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
