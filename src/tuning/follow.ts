import type { Tracking } from '#tracking'
import type { TaskRun, Workflow } from '#workflow'
import { unlessEnded } from './end-runs.ts'
import { parentTag } from './parts.ts'
import type { Trial } from './study.ts'
import type { TrialKey } from './tell.ts'
import type { Tuning } from './tuning.ts'

/** From the run of a trial, which the platform runs, to what is told of the trial. */

export interface FollowParts {
  readonly tuning: Pick<Tuning, 'report' | 'tell'>
  readonly tracking: Pick<Tracking, 'log' | 'history'>
  readonly workflow: Pick<Workflow, 'task' | 'cancel' | 'run'>
}

export interface Followed {
  readonly key: TrialKey
  readonly trial: Trial
  /** Its workflow run. */
  readonly run: string
  readonly metric: string
  /** The tracking run of the study. */
  readonly parent: string
  log(line: string): void
}

/** The task that is tried, in the run of a trial. */
export const trialTaskName = 'trial'

/** Passes on what the run has measured, and its end. Answers whether the trial has ended. */
export async function follow(parts: FollowParts, followed: Followed): Promise<boolean> {
  const { key, trial, run, log } = followed
  // The state is read first: of a run that has ended all points are there.
  const { state, error } = await parts.workflow.run(run)
  const { task, attempts } = await parts.workflow.task(run, trialTaskName)
  const tracked = attempts.at(-1)?.tracking
  const { reason, last } = tracked === undefined ? {} : await passOn(parts, followed, tracked)
  if (state === 'queued' || state === 'running') {
    if (reason === undefined) return false
    log(`Trial ${trial.number} is stopped. ${reason}`)
    await parts.workflow.cancel(run, 'trainyard').catch(unlessEnded)
    await parts.tuning.tell(key, { state: 'pruned' })
    return true
  }
  await parts.tuning.tell(key, resultOf(followed, { task, state, error, last }))
  const value = task.metrics[followed.metric] ?? last
  log(`Trial ${trial.number} has ${state}${state === 'succeeded' ? `: ${followed.metric} ${value}` : ''}.`)
  return true
}

function resultOf(
  { metric, trial }: Followed,
  { task, state, error, last }: { task: TaskRun; state: string; error: string | undefined; last: number | undefined },
): Parameters<Tuning['tell']>[1] {
  // Cancelled by the search, which was then interrupted, or by a person.
  if (state === 'cancelled')
    return trial.step === undefined && last === undefined
      ? { state: 'failed', error: 'Its run was cancelled.' }
      : { state: 'pruned' }
  if (state !== 'succeeded') return { state: 'failed', error: error ?? `Its run ended ${state}.` }
  const value = task.metrics[metric] ?? last
  if (value !== undefined) return { state: 'complete', value }
  const given = Object.keys(task.metrics).join(', ') || 'none'
  return { state: 'failed', error: `It has measured no ${metric}; its metrics are: ${given}.` }
}

const pointsMax = 1_000

/** Reports the points that are new, until one says that the trial should stop. */
async function passOn(
  { tuning, tracking }: FollowParts,
  { key, trial, metric, parent }: Followed,
  tracked: string,
): Promise<{ reason?: string; last?: number }> {
  if (trial.step === undefined) await tracking.log.add({ run: tracked, tags: [{ key: parentTag, value: parent }] })
  const points = new Map<number, number>()
  let after: string | undefined
  do {
    const page = await tracking.history.points(tracked, metric, { limit: pointsMax, after })
    // Rungs are far apart: of a step beyond 2^53 the nearest double does.
    for (const point of page.items) points.set(Number(point.step), points.get(Number(point.step)) ?? point.value)
    after = page.next
  } while (after !== undefined)
  const steps = [...points.keys()].toSorted((a, b) => a - b)
  const last = points.get(steps.at(-1) ?? Number.NaN)
  for (const step of steps.filter(each => each > (trial.step ?? -1))) {
    const value = points.get(step)!
    if (!Number.isFinite(value)) continue
    const { stop, reason } = await tuning.report(key, { step, value })
    if (stop) return { reason: reason ?? '', ...(last !== undefined && { last }) }
  }
  return last === undefined ? {} : { last }
}
