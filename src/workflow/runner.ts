import { isoInstant } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import { isAboutItem, isTaskSource, taskOf, valuesOf, type Projects } from '#project'
import type { Tracking, TrackingRunId } from '#tracking'
import { fromCache } from './cache.ts'
import { unmet } from './condition.ts'
import { inputsFrom } from './graph.ts'
import { thisHost } from './host.ts'
import type { Given } from './lineage.ts'
import type { Logs } from './logs.ts'
import { causeOf, outcomeOf } from './outcome.ts'
import { perform, type Answer, type Call, type PerformDeps } from './perform.ts'
import { causeOfEnd, recordAtStart, withoutValues } from './record-attempt.ts'
import { createRecorder, type TaskRecord } from './record.ts'
import { isTolerant, poolOf, timeoutOf, type Artifacts, type Params, type Run } from './run.ts'
import type { Outcome } from './outcome.ts'
import { stop, stopKind } from './stop.ts'
import type { Producer } from './store.ts'
import type { Claim } from './claim.ts'
import { datasetsOf, sourceTags } from './tracked-task.ts'
import type { Turns } from './turn.ts'
import { resolvedParams, subjectOf, type Sources } from './values.ts'
import type { Runner } from './seats.ts'

export interface RunnerDeps extends PerformDeps {
  readonly projects: Pick<Projects, 'revision'>
  readonly tracking: Pick<Tracking, 'runs' | 'log' | 'history'>
  readonly turns: Pick<Turns, 'settle'>
  readonly logs: Logs
  readonly owner: string
  readonly taskTimeoutMs: number
}

/** What a task is given by those before it. */
interface Reading {
  readonly producers: Readonly<Record<string, Producer>>
  readonly inputs: Artifacts
  readonly sources: Sources
}

export function createRunner(deps: RunnerDeps): Runner {
  const { clock, logs } = deps

  return async (claim, controller) => {
    const { signal } = controller
    const { run } = claim
    const reading = await read(deps, claim)
    const before = await guarded(deps, { claim, signal }, () => beforehand(claim, reading))
    if ('outcome' in before && before.outcome.state === 'skipped')
      return record(deps, claim, { ...before, given: givenOf(claim, reading, before) })

    const { inputs } = reading
    const params = 'params' in before ? before.params : claim.params
    const shortcut = 'params' in before ? await shorten(deps, { claim, run, params, inputs, signal }) : undefined
    if (shortcut) return record(deps, claim, { ...shortcut, given: givenOf(claim, reading, shortcut) })
    const { begun } = claim
    const start = begun?.record ?? (await recordAtStart(deps.projects, { run, spec: claim.spec, inputs }))
    const recorder = createRecorder(start)
    const tracking = begun ? begun.tracking : await begin(deps, { claim, run, params, record: start })
    const log = logs.open(run.id, claim.name)
    const beganAt = clock.now()
    if (claim.isNew)
      log.heading(
        () => `== attempt ${claim.number} of ${claim.attemptsMax}, ${isoInstant(beganAt)}, ${thisHost().name} ==`,
      )

    const limitMs = timeoutOf(claim.spec, deps.taskTimeoutMs)
    const limit = createLimit(controller, limitMs, claim.spec.timeout ?? `${deps.taskTimeoutMs / 1_000}s`)
    // An attempt of many calls has begun long ago: the limit is that of each, and its executor keeps it too.
    const ranMs = begun && !claim.spec.poll ? clock.now() - begun.at : 0
    // Where it may wait for room, its executor says when it has begun.
    limit.ran(poolOf({ ...claim.spec, queue: undefined }) === 'remote' ? undefined : ranMs)
    const isBegun = begun !== undefined
    const about = { claim, run, params, inputs, sources: reading.sources, controller, signal }
    const times = { timeoutMs: limitMs - ranMs, ran: limit.ran }
    const call: Call = { ...about, ...times, log, tracking, recorder, isBegun }
    const answer = 'outcome' in before ? before : await guarded(deps, call, () => perform(deps, call))
    const { outcome, facts } = answer
    limit.end()
    // It goes on without this process, and it is another one's turn to follow it.
    if (outcome.state === 'lost' && stopKind(signal) === 'left' && call.isBegun) return log.close()
    if ('error' in outcome && outcome.error !== undefined) log.line(outcome.error)
    log.close()
    crashPoint('workflow.task_executed')
    if (stopKind(signal) === 'lost') return

    const given = givenOf(claim, reading, answer)
    const cause = causeOfEnd(outcome, { signal, facts, said: recorder.record.exit })
    recorder.add({ outputs: withoutValues(given.outputs), exit: { cause } })
    await record(deps, claim, {
      outcome,
      given,
      ...(outcome.state !== 'waiting' && { record: recorder.record }),
    })
    crashPoint('workflow.task_recorded')
  }
}

async function read({ store, blobs }: RunnerDeps, { run, spec, params, item }: Claim): Promise<Reading> {
  const values = valuesOf({ ...spec, params: params as typeof spec.params })
  const names = [
    ...Object.values(spec.inputs).map(taskOf),
    ...values.filter(({ source }) => isTaskSource(source)).map(({ source }) => taskOf(source)),
  ]
  const producers = await store.outputs(run.id, [...new Set(names)])
  const inputs = inputsFrom(spec, name => producers[name]?.outputs)
  return { producers, inputs, sources: { blobs, producers, run, item, params } }
}

/** Whether the task is to be called at all, and with which parameters. */
async function beforehand(
  { name, spec, item, params }: Claim,
  { inputs, sources }: Reading,
): Promise<Answer | { params: Params }> {
  // What is about the item is asked of each call; all else once, of the task that has them.
  const isAsked = isAboutItem(spec.when) ? item !== undefined : item === undefined
  const reason = isAsked ? await unmet(spec.when, test => subjectOf(sources, test)) : undefined
  if (reason !== undefined) return { outcome: { state: 'skipped', reason }, facts: {} }
  const missing = Object.entries(spec.inputs).find(([input]) => !Object.hasOwn(inputs, input))
  if (missing && !isTolerant(spec))
    throw invalid(`Task ${name} has an input that was not made.`, [
      { field: `${name}.inputs.${missing[0]}`, value: missing[1], allowed: 'an output that its task gave' },
    ])
  // A task with a call for each item has no parameters of its own: its calls have.
  if (spec.forEach !== undefined) return { params }
  const own = await resolvedParams(sources, isTolerant(spec))
  return { params: item ? { item: item.value, index: item.index, ...own } : own }
}

/** What becomes of a task whose result others have made, or make. */
async function shorten(
  deps: RunnerDeps,
  called: Pick<Call, 'claim' | 'run' | 'params' | 'inputs' | 'signal'>,
): Promise<Answer | undefined> {
  return guarded(deps, called, async () => {
    const outcome = await fromCache(deps, called)
    return outcome && { outcome, facts: {} }
  })
}

/** Turns all that can happen into an answer. */
async function guarded<T>(
  deps: RunnerDeps,
  { claim, signal }: Pick<Call, 'claim' | 'signal'>,
  work: () => Promise<T>,
): Promise<T | Answer> {
  try {
    signal.throwIfAborted()
    return await work()
  } catch (thrown) {
    // What a stopped task throws is only its way to stop.
    const error: unknown = signal.aborted && !(thrown instanceof TrainyardError) ? signal.reason : thrown
    const isExpected = error instanceof TrainyardError
    if (!isExpected) deps.warn({ run: claim.run.id, task: claim.task, err: error }, 'task threw an unexpected error')
    return {
      outcome: outcomeOf(error, claim, { signal, now: deps.clock.now() }),
      facts: isExpected ? causeOf(error) : {},
    }
  }
}

const givenOf = ({ spec }: Claim, { inputs, producers }: Reading, { outcome, facts }: Answer): Given => ({
  spec,
  inputs,
  producers,
  outputs: outcome.state === 'succeeded' || outcome.state === 'cached' ? outcome.outputs : {},
  ...(outcome.state === 'cached' && { producer: outcome.producer }),
  facts,
})

/** Opens the tracking run of users' code; who only looks whether something is there has none. */
async function begin(
  { store, tracking: tracked, clock }: RunnerDeps,
  { claim, run, params, record }: { claim: Claim; run: Run; params: Params; record: TaskRecord },
): Promise<TrackingRunId | undefined> {
  if (poolOf(claim.spec) === 'platform' || claim.spec.poll) return undefined
  return store.transaction(async tx => {
    const tracking = await tracked.runs.begin(tx, {
      project: run.project,
      experiment: `${run.pipeline}/${claim.declared}`,
      name: `${claim.name} ${isoInstant(clock.now())}`,
      run: run.id,
      task: claim.task,
      params,
      tags: sourceTags(record),
      datasets: datasetsOf(record.inputs ?? {}),
    })
    await store.setTracking(tx, claim, tracking)
    await store.putRecord(tx, claim, record)
    return tracking
  })
}

/** Stops the attempt when it has run for so long. */
function createLimit(
  controller: AbortController,
  limitMs: number,
  text: string,
): { ran: (ms: number | undefined) => void; end: () => void } {
  let timer: NodeJS.Timeout | undefined
  const over = (): void => stop(controller, 'timeout', `The task took longer than its limit of ${text}.`)
  return {
    ran(ms) {
      clearTimeout(timer)
      if (ms !== undefined) timer = setTimeout(over, Math.max(0, limitMs - ms))
    },
    end: () => clearTimeout(timer),
  }
}

const recordTriesMax = 5

/**
 * Writes the outcome, patiently: the work is done, and only the database is in the way. A result that the database
 * keeps refusing is a fault; the task then fails with it, rather than being done again for ever.
 */
async function record(
  { turns, owner, warn }: RunnerDeps,
  claim: Claim,
  result: { outcome: Outcome; given: Given; record?: TaskRecord },
): Promise<void> {
  const attempt = { run: claim.run.id, task: claim.task, attempt: claim.attempt, call: claim.call, owner }
  for (let tries = 1; ; tries++) {
    try {
      await turns.settle({ ...attempt, ...result })
      return
    } catch (error) {
      warn({ run: claim.run.id, task: claim.task, tries, err: error }, 'result of a task could not be recorded')
      if (tries >= recordTriesMax) {
        await turns.settle({
          ...attempt,
          outcome: { state: 'failed', error: `The result could not be recorded: ${messageOf(error)}` },
        })
        return
      }
      await new Promise(resolve => setTimeout(resolve, 100 * 4 ** (tries - 1)))
    }
  }
}
