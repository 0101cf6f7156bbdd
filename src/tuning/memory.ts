import type { AnyTx } from '#storage'
import { planeOf, type Plane } from './plane.ts'
import type { StoredStudy, TuningStore } from './store.ts'
import type { StudyId } from './study.ts'
import { createHistory, type History, type Seen } from './trial.ts'

/** What a process remembers of studies, so that a question costs what has changed since the last one. */
export interface Memory {
  /** The trials of a locked study, as the database has them now. */
  of(tx: AnyTx, study: StoredStudy): Promise<Remembered>
  /** What was remembered may not have been written. */
  forget(id: StudyId): void
}

export interface Remembered {
  readonly plane: Plane
  readonly history: History & { put(seen: Seen): void }
}

interface Known extends Remembered {
  revision: number
}

const studiesMax = 64
const pageRows = 1_000

export function createMemory(store: Pick<TuningStore, 'changed'>): Memory {
  const known = new Map<string, Known>()

  /** Those used last are at the end. */
  function take({ id, spec }: StoredStudy): Known {
    const found = known.get(id) ?? { plane: planeOf(spec.space), history: createHistory(), revision: 0 }
    known.delete(id)
    known.set(id, found)
    if (known.size > studiesMax) known.delete(known.keys().next().value!)
    return found
  }

  return {
    async of(tx, study) {
      const found = take(study)
      for (let isAll = false; !isAll;) {
        const page = await store.changed(tx, study.id, found.revision, pageRows)
        isAll = page.length < pageRows
        const last = page.at(-1)?.revision ?? 0
        // Trials that changed together stay together.
        for (const { revision, ...seen } of page) if (isAll || revision < last) read(found, revision, seen)
      }
      return found
    },
    forget: id => void known.delete(id),
  }
}

function read(known: Known, revision: number, seen: Seen): void {
  known.history.put(seen)
  known.revision = revision
}
