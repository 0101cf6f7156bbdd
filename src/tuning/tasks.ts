import { digestOf } from '#kernel/digest.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { allTasks, type Projects, type TaskSpec, type TuneSpec } from '#project'
import type { PlatformTask, RunTask, TaskCall, TaskResult, Workflow } from '#workflow'
import { follow, trialTaskName, type FollowParts } from './follow.ts'
import type { StudyKey } from './parts.ts'
import type { Study, Trial } from './study.ts'
import type { Tuning } from './tuning.ts'

export interface TuningTaskParts extends FollowParts {
  readonly tuning: Tuning
  readonly projects: Pick<Projects, 'revision'>
  readonly workflow: Pick<Workflow, 'start' | 'task' | 'cancel' | 'run'>
}

/** A search that a task of the project file declares. */
interface Search {
  readonly call: TaskCall
  readonly task: TaskSpec
  readonly tune: TuneSpec
  readonly key: StudyKey
}

/**
 * `tuning.search` does what a task with `tune` declares: a run of its own for each trial, on the project's executor. All
 * it knows is in the tables: it looks, waits, and goes on after a crash as if it had looked away. `tuning.inputs` hands the
 * task's inputs into those runs.
 */
export const tuningTasks = (
  parts: TuningTaskParts,
): Readonly<Record<'tuning.search' | 'tuning.inputs', PlatformTask>> => ({
  'tuning.search': call => search(parts, call),
  'tuning.inputs': async ({ run }) => ({ outputs: run.params[inputsParam] as TaskCall['inputs'] }),
})

/** No parameter of a task can be called so. */
const inputsParam = 'tuning.inputs'
const pauseMinMs = 300
const pauseMaxMs = 5_000

async function search(parts: TuningTaskParts, call: TaskCall): Promise<TaskResult> {
  const { tuning } = parts
  const { task, tune } = await declared(parts, call)
  const key = { project: call.run.project, name: nameOf(call) }
  const given = { call, task, tune, key }
  const before = await tuning.start({
    project: key.project,
    actor: call.run.actor,
    run: call.run.id,
    experiment: `${pipelineOf(call)}/${trialTaskName}`,
    study: studyOf(tune, key.name),
  })
  if (before.criterion === 'cancelled') throw new TrainyardError('task_failed', `Study ${key.name} was cancelled.`)
  let open = 0
  for (const trial of await tuning.running(key)) if (!(await followed(parts, given, trial))) open++
  const { study, trials } = await tuning.ask(key, { count: tune.parallel - open, run: call.run.id })
  for (const trial of trials) await begin(parts, given, trial)
  open += trials.length
  if (study.state === 'ended' && open === 0) return finish(parts, given, study)
  return { waitMs: pauseOf(await tuning.running(key), Date.now()), waitingFor: sentenceOf(study) }
}

async function declared(
  { projects }: TuningTaskParts,
  { run, task: name }: TaskCall,
): Promise<{ task: TaskSpec; tune: TuneSpec }> {
  const revision = run.revision === undefined ? undefined : await projects.revision(run.revision)
  const pipeline = revision?.spec.pipelines[run.pipeline]
  const task = pipeline && allTasks(pipeline)[name]
  if (!task?.tune)
    throw invalid('There is nothing to tune.', [{ field: `${run.pipeline}.${name}.tune`, allowed: 'a search' }])
  return { task, tune: task.tune }
}

const pipelineOf = ({ run, task }: TaskCall): string => `${run.pipeline}/${task}`

/** One study for each task of each run, however often it is called. */
const nameOf = ({ run, task, key }: TaskCall): string =>
  `${`${run.pipeline}-${task}`.slice(0, 50)}-${digestOf(key).slice(0, 8)}`

const studyOf = ({ parallel: _, ...spec }: TuneSpec, name: string): object => ({ ...spec, name })

/** Begins the run of a trial; a repeat is the same run. */
async function begin({ workflow }: TuningTaskParts, search: Search, trial: Trial): Promise<string> {
  const { call, key } = search
  const { project, code, commit, actor } = call.run
  const run = await workflow.start({
    project,
    pipeline: pipelineOf(call),
    tasks: tasksOf(search, trial),
    params: { [inputsParam]: call.inputs as unknown as Json },
    ...(code !== undefined && { code }),
    ...(commit !== undefined && { commit }),
    actor,
    key: `${key.name}/${trial.number}`,
    cause: { kind: 'platform', reason: `Trial ${trial.number} of study ${key.name}.`, ref: call.run.id },
  })
  return run.id
}

function tasksOf({ call, task }: Search, trial: Trial): Readonly<Record<string, RunTask>> {
  const { tune: _, uses: __, when: ___, join: ____, ...own } = task
  const inputs = Object.fromEntries(Object.keys(call.inputs).map(name => [name, `${inputsTask}.${name}`]))
  const params = { ...call.params, ...trial.params } as RunTask['params']
  const tried: RunTask = { ...own, params, inputs, after: [] }
  const handing: RunTask = { uses: 'tuning.inputs', inputs: {}, outputs: [], params: {}, after: [], retries: 0 }
  return Object.keys(inputs).length === 0
    ? { [trialTaskName]: tried }
    : { [inputsTask]: handing, [trialTaskName]: tried }
}

const inputsTask = 'inputs'

/** Looks at the run of a trial. Whether the trial has ended. */
const followed = async (parts: TuningTaskParts, search: Search, trial: Trial): Promise<boolean> =>
  follow(parts, {
    key: { ...search.key, number: trial.number },
    trial,
    run: await begin(parts, search, trial),
    metric: search.tune.metric,
    parent: (await parts.tuning.study(search.key)).tracking,
    log: line => search.call.log(line),
  })

async function finish(parts: TuningTaskParts, search: Search, study: Study): Promise<TaskResult> {
  const { best, trials, criterion } = study
  if (!best) throw new TrainyardError('task_failed', await noneComplete(parts, search, study))
  search.call.log(`The search has ended (${criterion}): trial ${best.number} is the best of ${trials.complete}.`)
  const run = await begin(parts, search, await parts.tuning.trial({ ...search.key, number: best.number }))
  const { outputs } = (await parts.workflow.task(run, trialTaskName)).task
  return {
    outputs: { ...outputs, best: { value: best.params } },
    metrics: { [search.tune.metric]: best.value, trials: trials.complete + trials.pruned + trials.failed },
  }
}

async function noneComplete({ tuning }: TuningTaskParts, { key }: Search, { trials }: Study): Promise<string> {
  const { items } = await tuning.trials(key, { limit: 1_000 })
  const error = items.findLast(trial => trial.error !== undefined)?.error
  const counts = `${trials.failed} failed and ${trials.pruned} were stopped early`
  return `No trial of study ${key.name} was complete: ${counts}.${error === undefined ? '' : ` The last error: ${error}`}`
}

/** Short trials are looked at often, long ones now and then. */
function pauseOf(running: readonly Trial[], now: number): number {
  const oldest = Math.max(0, ...running.map(({ startedAt }) => now - startedAt))
  return Math.round(Math.min(pauseMaxMs, Math.max(pauseMinMs, oldest / 20)))
}

function sentenceOf({ trials, budget, best }: Study): string {
  const ended = trials.complete + trials.pruned + trials.failed
  return `${ended} of ${budget.trials} trials have ended${best ? `; the best is ${best.value}` : ''}`
}
