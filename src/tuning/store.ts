import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Criterion, Study, StudyId, StudySpec } from './study.ts'
import type { Seen, TrialState } from './trial.ts'

/**
 * Where studies are kept. Methods that take `tx` are steps of the caller's transaction; those that change trials first
 * take the study with {@link TuningStore.lock}, behind which others wait.
 *
 * Adapters must pass store.contract.ts.
 */
export interface TuningStore {
  /** Adds a study; false, and nothing is written, when the project has one of this name. */
  insertStudy(tx: AnyTx, study: StudyDraft): Promise<boolean>
  findStudy(key: { project: string; name: string }): Promise<StoredStudy | undefined>
  /** Newest first. */
  listStudies(project: string, page: PageRequest): Promise<Page<StoredStudy>>
  /** Of a workflow run, those that have not ended. */
  runningOf(run: string): Promise<readonly StoredStudy[]>
  /** Takes the study until the transaction ends, and counts a change of its trials. */
  lock(tx: AnyTx, id: StudyId): Promise<StoredStudy>
  /** Writes what has become of the study. */
  update(tx: AnyTx, id: StudyId, change: StudyChange): Promise<void>

  /** The trials of an earlier ask with this key, by number. */
  asked(tx: AnyTx, study: StudyId, key: string): Promise<readonly StoredTrial[]>
  insertTrial(tx: AnyTx, study: StudyId, trial: TrialDraft): Promise<void>
  /** Gives away running trials whose lease has run out, the oldest first, with the next attempt and without reports. */
  takeExpired(tx: AnyTx, study: StudyId, take: Take): Promise<readonly StoredTrial[]>
  findTrial(study: StudyId, number: number, tx?: AnyTx): Promise<StoredTrial | undefined>
  /** By number, from the first on. */
  listTrials(study: StudyId, page: PageRequest): Promise<Page<StoredTrial>>
  /** Running trials by number, at most a thousand. */
  listRunning(study: StudyId): Promise<readonly StoredTrial[]>
  /** Ends a running trial; undefined when it is not running at this attempt. */
  endTrial(tx: AnyTx, study: StudyId, end: TrialEnd): Promise<StoredTrial | undefined>
  /** Prolongs the lease of a running trial; false when it is not running at this attempt. */
  renew(tx: AnyTx, study: StudyId, renewal: Renewal): Promise<boolean>
  /** Trials that have changed after this revision, in the order of their changes, at most so many. */
  changed(tx: AnyTx, study: StudyId, after: number, limit: number): Promise<readonly Changed[]>

  /**
   * Keeps a value at a step of a running trial, once, and prolongs its lease. `known` is what was there at this step
   * before; undefined altogether when the trial is not running at this attempt.
   */
  report(tx: AnyTx, study: StudyId, report: Report): Promise<{ known: number | undefined; best: number } | undefined>
  /** The last step before this one that a trial has reported. */
  stepBefore(tx: AnyTx, study: StudyId, trial: number, step: number): Promise<number | undefined>
  /** What other trials had at a rung, or complete trials at a step: of the newest of them, at most so many. */
  compared(tx: AnyTx, study: StudyId, wanted: Compared): Promise<readonly number[]>
  /** All reports of these trials, by trial and step. */
  reports(study: StudyId, trials: readonly number[]): Promise<readonly { trial: number; step: number; loss: number }[]>
}

export interface StudyDraft {
  readonly id: StudyId
  readonly project: string
  readonly spec: StudySpec
  /** Where its tracking runs are, and the one above those of the trials. */
  readonly experiment: string
  readonly tracking: string
  readonly run: string | undefined
  readonly actor: string
  readonly createdAt: number
}

export interface StoredStudy extends StudyDraft {
  readonly asked: number
  readonly counts: Study['trials']
  readonly best: { readonly number: number; readonly loss: number } | undefined
  readonly sinceBest: number
  readonly criterion: Criterion | undefined
  readonly revision: number
  readonly endedAt: number | undefined
}

export type StudyChange = Pick<StoredStudy, 'asked' | 'counts' | 'best' | 'sinceBest' | 'criterion' | 'endedAt'>

export interface TrialDraft {
  readonly number: number
  readonly params: Seen['params']
  readonly note: number | undefined
  readonly askKey: string | undefined
  readonly askIndex: number
  readonly tracking: string | undefined
  readonly leaseUntil: number | undefined
  readonly startedAt: number
  readonly revision: number
}

export interface StoredTrial {
  readonly number: number
  readonly state: TrialState
  readonly params: Seen['params']
  readonly loss: number | undefined
  readonly step: number | undefined
  readonly attempt: number
  readonly leaseUntil: number | undefined
  readonly tracking: string | undefined
  readonly error: string | undefined
  readonly startedAt: number
  readonly endedAt: number | undefined
}

export interface Take {
  readonly now: number
  readonly limit: number
  readonly leaseUntil: number
  readonly askKey: string | undefined
  readonly revision: number
}

/** Of whom this comes; without an attempt it is the one that runs. */
interface OfAttempt {
  readonly number: number
  readonly attempt: number | undefined
}

export interface TrialEnd extends OfAttempt {
  readonly state: Exclude<TrialState, 'running'>
  readonly loss: number | undefined
  readonly error: string | undefined
  readonly at: number
  readonly revision: number
}

export interface Renewal extends OfAttempt {
  /** Undefined where the platform runs the trial itself. */
  readonly leaseUntil: number | undefined
}

export interface Report extends Renewal {
  readonly step: number
  readonly loss: number
  readonly rung: number | undefined
}

export type Compared = { readonly trial: number; readonly limit: number } & (
  | { readonly rung: number }
  | { readonly step: number }
)

export type Changed = Seen & { readonly revision: number }
