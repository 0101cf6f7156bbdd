import type { Clock } from '#kernel/clock.ts'
import { durationMs } from '#kernel/duration.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { outputNames, type ApprovalSpec, type PollSpec, type Projects } from '#project'
import type { Secrets } from '#secrets'
import type { Blobs } from '#storage'
import type { Tracking, TrackingRunId } from '#tracking'
import { seenParams } from './cache.ts'
import { gather, itemResults, itemsOf, parallelOf } from './fan-out.ts'
import { createLiveMetrics } from './live-metrics.ts'
import type { LogFile } from './logs.ts'
import { afterLook, isNotYet } from './poll.ts'
import type { Recorder, TaskRecord } from './record.ts'
import { itemSpec, poolOf, seedOf, type Artifacts, type Params, type Run } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { Starter } from './start.ts'
import { stop, untilStopped } from './stop.ts'
import { subPipeline } from './sub-pipeline.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import type { Attempt, Executor, MetricPoint, PlatformTask } from './task.ts'
import { openSecrets } from './task-secrets.ts'
import { readValues, type Sources } from './values.ts'

export interface PerformDeps {
  readonly store: WorkflowStore
  readonly tracking: Pick<Tracking, 'log' | 'history'>
  readonly blobs: Pick<Blobs, 'put' | 'bytes' | 'keep'>
  readonly secrets: Pick<Secrets, 'use'>
  readonly clock: Clock
  readonly starter: Pick<Starter, 'prepare'>
  readonly projects: Pick<Projects, 'revision'>
  readonly owner: string
  readonly handlers: ReadonlyMap<string, PlatformTask>
  readonly executor: () => Executor | undefined
  /** How long a task of the platform that was stopped may take to end, before it is given up. */
  readonly graceMs: number
  warn(facts: object, message: string): void
}

/** What a call of a task has come to, apart from errors. */
export interface Answer {
  readonly outcome: Outcome
  readonly facts: Readonly<Record<string, Json>>
}

export interface Call {
  readonly claim: Claim
  readonly run: Run
  readonly params: Params
  readonly inputs: Artifacts
  readonly sources: Sources
  readonly controller: AbortController
  readonly signal: AbortSignal
  /** How long it may still take. */
  readonly timeoutMs: number
  /** See {@link Attempt.ran}. */
  readonly ran: (ms: number | undefined) => void
  readonly log: LogFile
  readonly tracking: TrackingRunId | undefined
  readonly recorder: Recorder
  /** Whether something runs that would go on without this process. */
  isBegun: boolean
}

/** Calls a task: the handler of a platform task, or the executor. Throws what they throw. */
export const perform = (deps: PerformDeps, call: Call): Promise<Answer> => {
  const { uses, forEach, pipeline, approval, poll } = call.claim.spec
  if (forEach !== undefined) return eachItem(deps, call)
  if (pipeline !== undefined) return subPipeline(deps, call).then(outcome => ({ outcome, facts: {} }))
  if (approval !== undefined) return Promise.resolve(undecided(deps, call, approval))
  if (poll !== undefined) return looked(deps, call, poll)
  return uses === undefined ? executed(deps, call) : answered(deps, call, uses)
}

/** A task with a call for each item: at first the calls are made, and when all of them have ended it gathers what they gave. */
async function eachItem({ store, blobs }: PerformDeps, { claim, sources }: Call): Promise<Answer> {
  const { spec, task, isNew } = claim
  if (isNew)
    return {
      outcome: {
        state: 'expanded',
        items: await itemsOf(spec, sources),
        parallel: parallelOf(spec),
        pool: poolOf(itemSpec(spec)),
        demand: spec.demand,
      },
      facts: {},
    }
  const given = await gather(blobs, spec, itemResults(store, task, await store.itemsEnd(task)))
  return { outcome: { state: 'succeeded', ...given }, facts: {} }
}

/** Called first, it waits for somebody; called again, nobody has decided in time. */
function undecided({ clock }: PerformDeps, { claim }: Call, { message, timeout }: ApprovalSpec): Answer {
  if (!claim.isNew) return { outcome: { state: 'failed', error: `Nobody has decided within ${timeout}.` }, facts: {} }
  const nextAt = timeout === undefined ? null : clock.now() + durationMs(timeout)
  return { outcome: { state: 'waiting', waitingFor: message, nextAt }, facts: {} }
}

/** A task that looks whether something is there: one attempt, over as many calls as it takes. */
async function looked(deps: PerformDeps, call: Call, poll: PollSpec): Promise<Answer> {
  try {
    return await executed(deps, call)
  } catch (error) {
    if (!isNotYet(error)) throw error
    const attempts = await deps.store.attempts(call.claim.task)
    const { startedAt } = attempts.find(({ id }) => id === call.claim.attempt)!
    return { outcome: afterLook(poll, { since: startedAt, now: deps.clock.now() }), facts: {} }
  }
}

/** A task of the platform: its owner's handler is called, with the same key at every attempt. */
async function answered(
  deps: PerformDeps,
  { claim, run, params, inputs, signal, log }: Call,
  uses: string,
): Promise<Answer> {
  const handler = deps.handlers.get(uses)
  if (!handler) throw new TrainyardError('unavailable', `No component of this process does ${uses}.`, { uses })
  const metrics: Record<string, number> = {}
  const call = handler({
    run,
    task: claim.name,
    taskId: claim.task,
    params,
    inputs,
    key: `${run.id}/${claim.name}`,
    number: claim.number,
    log: line => log.line(line),
    metric: (name, value) => void (metrics[name] = value),
    signal,
  })
  const result = await untilStopped(call, signal, deps.graceMs)
  if ('waitMs' in result) {
    return {
      outcome: { state: 'waiting', waitingFor: result.waitingFor, nextAt: deps.clock.now() + result.waitMs },
      facts: {},
    }
  }
  return {
    outcome: { state: 'succeeded', outputs: result.outputs ?? {}, metrics: finite({ ...metrics, ...result.metrics }) },
    facts: {},
  }
}

/** A task of users' code, which the executor runs. */
async function executed(deps: PerformDeps, call: Call): Promise<Answer> {
  const { claim, tracking } = call
  const executor = deps.executor()
  if (!executor) throw new TrainyardError('unavailable', 'This process has no executor for commands and functions.')
  let kept: Promise<void> = Promise.resolve()
  const live = createLiveMetrics({ ...deps, run: tracking, isAdopted: claim.begun !== undefined })
  // What has begun already was given them then.
  const secrets = claim.begun ? { variables: {}, mask: [] } : await openSecrets(deps.secrets, call)
  const attempt = attemptOf(deps, call, {
    secrets,
    measured: live.add,
    changed: () => {
      kept = kept.then(() => keep(deps, claim, call.recorder.record))
    },
  })
  const execution = claim.begun ? executor.adopt(attempt, claim.begun.handle) : executor.execute(attempt)
  const { outputs, metrics, facts } = await execution.finally(() => Promise.all([kept, live.still()]))
  const last = finite(lastOf(metrics))
  await live.end(metrics)
  const read = await readValues(deps.blobs, claim.spec, outputs)
  return { outcome: { state: 'succeeded', outputs: read, metrics: last }, facts }
}

/** The attempt as the executor sees it. `changed` is called when there is news that those who watch should have. */
function attemptOf(
  deps: PerformDeps,
  call: Call,
  { changed, measured, secrets }: Pick<Attempt, 'measured' | 'secrets'> & { changed(): void },
): Attempt {
  const { claim, run, params, inputs, controller, signal, timeoutMs, ran, log, tracking, recorder } = call
  return {
    id: claim.attempt,
    number: claim.number,
    run,
    task: claim.name,
    spec: { ...claim.spec, outputs: outputNames(claim.spec) },
    code: run.code,
    params,
    inputs,
    key: `${run.id}/${claim.name}`,
    seed: seedOf({ task: claim.declared, params: seenParams(claim.spec, params), inputs }),
    signal,
    timeoutMs,
    ran,
    devices: claim.devices,
    secrets,
    async started(handle) {
      if (!(await deps.store.setHandle(claim, deps.owner, handle))) stop(controller, 'lost')
      signal.throwIfAborted()
      call.isBegun = true
    },
    log: line => log.line(line),
    get logFile() {
      log.flush()
      return log
    },
    measured,
    record(part) {
      recorder.add(part)
      // The end is written with the result.
      if (part.resources && !part.exit) changed()
    },
    tracking,
  }
}

/** What has been noted so far, for those who watch. What is lost here is written with the result. */
async function keep({ store, warn }: PerformDeps, claim: Claim, record: TaskRecord): Promise<void> {
  await store
    .transaction(tx => store.putRecord(tx, claim, record))
    .catch((error: unknown) =>
      warn({ attempt: claim.attempt, err: error }, 'record of a running task could not be kept'),
    )
}

const lastOf = (points: readonly MetricPoint[]): Record<string, number> =>
  Object.fromEntries(points.map(({ name, value }) => [name, value]))

function finite(metrics: Record<string, number>): Record<string, number> {
  const wrong = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value))
  if (wrong.length === 0) return metrics
  throw invalid(
    'A metric is not a number.',
    wrong.map(([name, value]) => ({ field: `metrics.${name}`, value: String(value), allowed: 'a finite number' })),
  )
}
