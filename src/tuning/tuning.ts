import type { Workflow } from '#workflow'
import { createAsk, type AskRequest } from './ask.ts'
import { createChange } from './change.ts'
import { createMemory } from './memory.ts'
import { findStudy, shown, shownTrial, type StudyKey, type TuningParts } from './parts.ts'
import { createResults, type Results } from './results.ts'
import { createStudies, type Studies } from './studies.ts'
import type { Study, Trial } from './study.ts'
import { createTelling, type Result, type TrialKey } from './tell.ts'

/** Searches for hyperparameters: a study asks for trials, whoever runs them tells their values. */
export interface Tuning extends Studies, Results {
  /** Gives trials to run: none when the study has ended, or all that are left are being run. */
  ask(key: StudyKey, request: AskRequest): Promise<{ study: Study; trials: readonly Trial[] }>
  /** Ends a trial; a repeat changes nothing. Throws `conflict` when it ended otherwise or was given to somebody else. */
  tell(key: TrialKey, result: Result): Promise<{ study: Study; trial: Trial }>
  /** Keeps a value of a trial that runs; the answer says whether it should go on. A repeat changes nothing. */
  report(key: TrialKey, point: { step: number; value: number }): Promise<{ stop: boolean; reason?: string }>
  /** Says that a trial is being run, as a report does. */
  renew(key: TrialKey): Promise<Trial>
}

export function createTuning(parts: TuningParts & { readonly workflow: Pick<Workflow, 'runs' | 'cancel'> }): Tuning {
  const memory = createMemory(parts.store)
  const changing = { ...parts, change: createChange({ ...parts, memory }) }
  const ask = createAsk(changing, memory)
  const telling = createTelling(changing)
  return {
    ...createStudies(changing),
    ...createResults(parts),

    async ask(key, request) {
      const { study, trials } = await ask(key, request)
      return { study: await shown(parts, study), trials: trials.map(trial => shownTrial(study, trial)) }
    },

    async tell(key, result) {
      const { study, trial } = await telling.tell(key, result)
      return { study: await shown(parts, study), trial: shownTrial(study, trial) }
    },

    async report(key, point) {
      const reason = await telling.report(key, point)
      return reason === undefined ? { stop: false } : { stop: true, reason }
    },

    renew: async key => shownTrial(await findStudy(parts, key), await telling.renew(key)),
  }
}
