import { durationMs } from '#kernel/duration.ts'
import { conflict, invalid, notFound } from '#kernel/error.ts'
import type { AnyTx } from '#storage'
import type { TrackingRunId } from '#tracking'
import {
  endIfDue,
  findStudy,
  prepareNames,
  trialTag,
  type ChangingParts,
  type StudyKey,
  type TuningParts,
} from './parts.ts'
import { reasonToStop, rungOf } from './stopping.ts'
import type { StoredStudy, StoredTrial } from './store.ts'
import { turned, type StudySpec } from './study.ts'
import type { TrialState } from './trial.ts'

/** One trial of a study. */
export interface TrialKey extends StudyKey {
  readonly number: number
  /** Who names an attempt is refused when the trial has been given to somebody else. */
  readonly attempt?: number | undefined
}

export interface Result {
  readonly state: Exclude<TrialState, 'running'>
  readonly value?: number | undefined
  readonly error?: string | undefined
}

export interface Telling {
  /** Ends a trial; a repeat changes nothing. Throws `conflict` when it ended otherwise or was given to another. */
  tell(key: TrialKey, result: Result): Promise<{ study: StoredStudy; trial: StoredTrial }>
  /** Keeps an intermediate value; answers why the trial should stop, if it should. A repeat changes nothing. */
  report(key: TrialKey, point: { step: number; value: number }): Promise<string | undefined>
  /** Says that somebody is still at it. */
  renew(key: TrialKey): Promise<StoredTrial>
}

export function createTelling(parts: ChangingParts): Telling {
  const { db, store, clock } = parts

  const leaseOf = ({ spec, run }: StoredStudy): number | undefined =>
    run === undefined ? clock.now() + durationMs(spec.lease) : undefined

  return {
    async tell(key, result) {
      const found = await findStudy(parts, key)
      const { id } = found
      await prepareNames(parts, found)
      return parts.change(id, async (tx, study) => {
        const before = await findTrial(parts, tx, study, key.number)
        const loss = lossIn(study.spec, before, result)
        const ended = { ...key, ...result, loss, error: result.error, at: clock.now(), revision: study.revision }
        const trial = await store.endTrial(tx, id, { ...ended, attempt: key.attempt })
        if (trial) {
          await closeRun(parts, tx, { study, before, result, loss })
          const now = counted(study, trial)
          await store.update(tx, id, now)
          return { study: await endIfDue(parts, tx, now), trial }
        }
        requireSame(study, before, { ...key, state: result.state, loss })
        return { study, trial: before }
      })
    },

    async report(key, { step, value }) {
      const study = await findStudy(parts, key)
      return db.transaction().execute(async tx => {
        const { spec } = study
        const loss = turned(spec, value)
        const before = await store.stepBefore(tx, study.id, key.number, step)
        const rung = rungOf(spec.pruner, { step, before, number: key.number, seed: spec.seed })
        const report = { number: key.number, attempt: key.attempt, leaseUntil: leaseOf(study), step, loss, rung }
        const kept = await store.report(tx, study.id, report)
        if (!kept) throw notRunning(key, await findTrial(parts, tx, study, key.number))
        if (kept.known !== undefined && kept.known !== loss)
          throw conflict(`Trial ${key.number} has reported another value at step ${step}.`, {
            step,
            value: turned(spec, kept.known),
          })
        if (kept.known === undefined) await logPoint(parts, tx, study, { ...key, step, value })
        if (study.criterion === 'cancelled') return 'The study was cancelled.'
        return reasonOf(parts, tx, study, { number: key.number, step, loss, rung, best: kept.best })
      })
    },

    async renew(key) {
      const study = await findStudy(parts, key)
      return db.transaction().execute(async tx => {
        const before = await findTrial(parts, tx, study, key.number)
        const renewal = { number: key.number, attempt: key.attempt, leaseUntil: leaseOf(study) }
        if (!(await store.renew(tx, study.id, renewal))) throw notRunning(key, before)
        return findTrial(parts, tx, study, key.number)
      })
    },
  }
}

async function findTrial(
  { store }: Pick<TuningParts, 'store'>,
  tx: AnyTx,
  study: StoredStudy,
  number: number,
): Promise<StoredTrial> {
  const trial = await store.findTrial(study.id, number, tx)
  if (!trial) throw notFound('trial', `${study.project}/${study.spec.name}/${number}`)
  return trial
}

/** A complete trial has a value: the one that comes with it, or the last one that it has reported. */
function lossIn(spec: StudySpec, before: StoredTrial, { state, value }: Result): number | undefined {
  if (state === 'failed') return undefined
  const loss = value === undefined ? before.loss : turned(spec, value)
  if (loss === undefined && state === 'complete')
    throw invalid('A complete trial has a value.', [
      { field: 'value', allowed: `the ${spec.metric} of the trial, as it has reported none` },
    ])
  return loss
}

function requireSame(
  { spec }: StoredStudy,
  before: StoredTrial,
  told: TrialKey & { state: TrialState; loss: number | undefined },
): void {
  const isSame = before.state === told.state && before.loss === told.loss
  if (isSame && (told.attempt === undefined || told.attempt === before.attempt)) return
  throw notRunning(told, before, spec)
}

function notRunning({ number, attempt }: TrialKey, trial: StoredTrial, spec?: StudySpec): Error {
  if (trial.state === 'running')
    return conflict(`Trial ${number} was given to somebody else: attempt ${attempt} came too late.`, {
      state: trial.state,
      attempt: trial.attempt,
    })
  const value = spec && trial.loss !== undefined ? turned(spec, trial.loss) : undefined
  const with_ = value === undefined ? '' : ` with ${value}`
  return conflict(`Trial ${number} has ended: ${trial.state}${with_}.`, { state: trial.state, allowed: ['running'] })
}

/** The study with one more trial that has ended. */
function counted(study: StoredStudy, { number, state, loss }: StoredTrial): StoredStudy {
  const counts = { ...study.counts, running: study.counts.running - 1, [state]: study.counts[state] + 1 }
  const isBest = state === 'complete' && (study.best === undefined || loss! < study.best.loss)
  return isBest
    ? { ...study, counts, best: { number, loss: loss! }, sinceBest: 0 }
    : { ...study, counts, sinceBest: study.best === undefined ? 0 : study.sinceBest + 1 }
}

interface Closing {
  readonly study: StoredStudy
  readonly before: StoredTrial
  readonly result: Result
  readonly loss: number | undefined
}

/** Ends the tracking run of a trial; a better value stands in the study's own run too. */
async function closeRun(
  { tracking, clock }: TuningParts,
  tx: AnyTx,
  { study, before, result, loss }: Closing,
): Promise<void> {
  const { spec, best } = study
  const point = (step: number) => ({
    key: spec.metric,
    value: turned(spec, loss!),
    step,
    timestamp: clock.now(),
  })
  if (result.state === 'complete' && (best === undefined || loss! < best.loss))
    await tracking.log.addIn(tx, { run: study.tracking, points: [point(before.number)] })
  if (before.tracking === undefined) return
  const isNew = loss !== undefined && loss !== before.loss
  await tracking.log.addIn(tx, {
    run: before.tracking,
    ...(isNew && { points: [point(before.step ?? 0)] }),
    tags: [{ key: trialTag, value: result.state }],
  })
  await tracking.runs.end(tx, before.tracking as TrackingRunId, result.state === 'failed' ? 'failed' : 'finished')
}

async function logPoint(
  { store, tracking, clock }: TuningParts,
  tx: AnyTx,
  study: StoredStudy,
  { number, step, value }: { number: number; step: number; value: number },
): Promise<void> {
  const run = (await store.findTrial(study.id, number, tx))?.tracking
  if (run === undefined) return
  await tracking.log.addIn(tx, { run, points: [{ key: study.spec.metric, value, step, timestamp: clock.now() }] })
}

/** Others are compared with so many of the newest trials. */
const comparedMax = 1_000

async function reasonOf(
  { store }: TuningParts,
  tx: AnyTx,
  study: StoredStudy,
  {
    number,
    step,
    loss,
    rung,
    best,
  }: { number: number; step: number; loss: number; rung: number | undefined; best: number },
): Promise<string | undefined> {
  const { spec, counts, id } = study
  if (spec.pruner.type === 'none' || (spec.pruner.type !== 'median' && rung === undefined)) return undefined
  const where = rung === undefined ? { step } : { rung }
  const others = await store.compared(tx, id, { trial: number, limit: comparedMax, ...where })
  return reasonToStop(spec.pruner, { step, loss, best, others, completed: counts.complete })
}
