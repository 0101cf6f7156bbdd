import type { Clock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import type { AnyTx, Db, Outbox } from '#storage'
import type { Tracking, TrackingRunId } from '#tracking'
import type { Change } from './change.ts'
import { studyEnded } from './events.ts'
import type { StoredStudy, StoredTrial, TuningStore } from './store.ts'
import { criterionOf, turned, type Criterion, type Study, type Trial } from './study.ts'

export interface TuningParts {
  readonly db: Db
  readonly store: TuningStore
  readonly tracking: Pick<Tracking, 'runs' | 'log'>
  readonly outbox: Outbox
  readonly clock: Clock
}

/** With the one way to change studies. */
export interface ChangingParts extends TuningParts {
  readonly change: Change
}

/** A study by its name in a project. */
export interface StudyKey {
  readonly project: string
  readonly name: string
}

/** Throws `not_found`. */
export async function findStudy({ store }: Pick<TuningParts, 'store'>, key: StudyKey): Promise<StoredStudy> {
  const found = await store.findStudy(key)
  if (!found) throw notFound('study', `${key.project}/${key.name}`)
  return found
}

/** The tag by which clients of MLflow know that a run is below another. */
export const parentTag = 'mlflow.parentRunId'
/** What became of the trial that a run is of. */
export const trialTag = 'trainyard.trial'

/** Spares the transactions of a study the look-up of the names that its runs log. */
export const prepareNames = ({ tracking }: Pick<TuningParts, 'tracking'>, { spec }: StoredStudy): Promise<void> =>
  tracking.log.prepare({
    tags: [parentTag, trialTag, spec.metric, ...Object.keys(spec.space)].map(key => ({ key, value: '' })),
  })

/** Ends a study if it is time: as it is then. */
export async function endIfDue(parts: TuningParts, tx: AnyTx, study: StoredStudy): Promise<StoredStudy> {
  const { counts, sinceBest, createdAt, spec, criterion } = study
  if (criterion !== undefined) return study
  const ended = counts.complete + counts.pruned + counts.failed
  const due = criterionOf(spec, { ended, sinceBest, ageMs: parts.clock.now() - createdAt })
  return due === undefined ? study : end(parts, tx, study, due)
}

export async function end(
  { store, tracking, outbox, clock }: TuningParts,
  tx: AnyTx,
  study: StoredStudy,
  criterion: Criterion,
): Promise<StoredStudy> {
  const { id, project, spec, best, counts } = study
  const ended = { ...study, criterion, endedAt: clock.now() }
  await store.update(tx, id, ended)
  await tracking.log.addIn(tx, { run: study.tracking, tags: [{ key: 'trainyard.criterion', value: criterion }] })
  await tracking.runs.end(tx, study.tracking as TrackingRunId, criterion === 'cancelled' ? 'failed' : 'finished')
  await outbox.emit(tx, studyEnded, {
    project,
    data: {
      study: id,
      name: spec.name,
      criterion,
      trials: counts.complete + counts.pruned + counts.failed,
      metric: spec.metric,
      ...(best && { best: { number: best.number, value: turned(spec, best.loss) } }),
    },
  })
  return ended
}

/** A study for people, with the parameters of its best trial. */
export async function shown({ store }: Pick<TuningParts, 'store'>, study: StoredStudy, tx?: AnyTx): Promise<Study> {
  const { spec, best, run, criterion, endedAt, counts } = study
  const trial = best && (await store.findTrial(study.id, best.number, tx))
  const { name, space, metric, direction, sampler, pruner, seed, trials, time, patience } = spec
  return {
    id: study.id,
    project: study.project,
    name,
    space,
    metric,
    direction,
    sampler,
    pruner,
    seed,
    budget: { trials, ...(time !== undefined && { time }), ...(patience !== undefined && { patience }) },
    state: criterion === undefined ? 'running' : 'ended',
    trials: counts,
    ...(trial && { best: { number: trial.number, value: turned(spec, best.loss), params: trial.params } }),
    ...(criterion !== undefined && { criterion }),
    tracking: study.tracking,
    ...(run !== undefined && { run }),
    actor: study.actor,
    createdAt: study.createdAt as Study['createdAt'],
    ...(endedAt !== undefined && { endedAt: endedAt as Study['createdAt'] }),
  }
}

export const shownTrial = ({ spec }: StoredStudy, { loss, ...trial }: StoredTrial): Trial =>
  ({ ...trial, ...(loss !== undefined && { value: turned(spec, loss) }) }) as Trial
