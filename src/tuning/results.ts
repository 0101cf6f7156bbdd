import { notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { importanceOf, type Importance } from './importance.ts'
import { findStudy, shownTrial, type StudyKey, type TuningParts } from './parts.ts'
import { planeOf } from './plane.ts'
import { turned, type Trial } from './study.ts'
import type { TrialKey } from './tell.ts'

export interface Results {
  /** Throws `not_found`. */
  trial(key: TrialKey): Promise<Trial>
  /** By number. */
  trials(key: StudyKey, page: PageRequest): Promise<Page<Trial>>
  /** Trials that run, by number. */
  running(key: StudyKey): Promise<readonly Trial[]>
  /** What the newest trials have reported while they ran, by trial and step. */
  reports(key: StudyKey, trials: number): Promise<readonly { trial: number; step: number; value: number }[]>
  /** Undefined while there are too few trials. */
  importance(key: StudyKey): Promise<Importance | undefined>
}

/** For the importance of parameters so many changes of trials are looked at. */
const changesMax = 1_000

/** What there is to know of the trials of a study. */
export function createResults(parts: TuningParts): Results {
  const { db, store } = parts
  return {
    async trial(key) {
      const study = await findStudy(parts, key)
      const trial = await store.findTrial(study.id, key.number)
      if (!trial) throw notFound('trial', `${key.project}/${key.name}/${key.number}`)
      return shownTrial(study, trial)
    },

    async trials(key, page) {
      const study = await findStudy(parts, key)
      const { items, ...rest } = await store.listTrials(study.id, page)
      return { ...rest, items: items.map(trial => shownTrial(study, trial)) }
    },

    async running(key) {
      const study = await findStudy(parts, key)
      return (await store.listRunning(study.id)).map(trial => shownTrial(study, trial))
    },

    async reports(key, trials) {
      const { id, spec, asked } = await findStudy(parts, key)
      const numbers = Array.from({ length: Math.min(trials, asked) }, (_, index) => asked - 1 - index)
      const reports = await store.reports(id, numbers)
      return reports.map(({ loss, ...report }) => ({ ...report, value: turned(spec, loss) }))
    },

    async importance(key) {
      const { id, spec, revision } = await findStudy(parts, key)
      const after = Math.max(0, revision - changesMax)
      const newest = await db.transaction().execute(tx => store.changed(tx, id, after, changesMax))
      return importanceOf(planeOf(spec.space), newest)
    },
  }
}
