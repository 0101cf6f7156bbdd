import { batched } from '#kernel/batch.ts'
import type { AnyTx, Db } from '#storage'
import type { Memory } from './memory.ts'
import type { StoredStudy, TuningStore } from './store.ts'
import type { StudyId } from './study.ts'

type Work<Result> = (tx: AnyTx, study: StoredStudy) => Promise<Result>

/**
 * Changes a study or its trials; changes of one study come one after another. Those that are asked for at the same time
 * share a transaction, and with it one wait for the disk; `work` may be called again when a neighbour failed.
 */
export type Change = <Result>(id: StudyId, work: Work<Result>) => Promise<Result>

interface Deps {
  readonly db: Db
  readonly store: Pick<TuningStore, 'lock'>
  readonly memory: Pick<Memory, 'forget'>
}

const changesMax = 16

export function createChange({ db, store, memory }: Deps): Change {
  const add = batched<{ id: StudyId; work: Work<unknown> }, unknown>(async items => {
    try {
      return await db.transaction().execute(async tx => {
        const results = new Map<object, unknown>()
        // All processes lock studies in one order.
        for (const item of items.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)))
          results.set(item, await item.work(tx, await store.lock(tx, item.id)))
        return items.map(item => results.get(item))
      })
    } catch (error) {
      // What was read may never have been written.
      for (const { id } of items) memory.forget(id)
      throw error
    }
  }, changesMax)
  return <Result>(id: StudyId, work: Work<Result>) => add({ id, work }) as Promise<Result>
}
