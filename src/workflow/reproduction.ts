import type { z } from 'zod'
import { conflict } from '#kernel/error.ts'
import { canonicalJson } from '#kernel/json.ts'
import { isAboutItem, type PipelineSpec } from '#project'
import type { AttemptDetail } from './record.ts'
import {
  hasEnded,
  isGood,
  isUsersCode,
  type Artifact,
  type Artifacts,
  type Run,
  type RunTask,
  type TaskRun,
} from './run.ts'
import type { StartRequest } from './start.ts'
import type { PlatformTask } from './task.ts'
import type { ReproductionWire } from './wire.ts'

/** A run again, from its record: users' code on the same inputs, and what the platform made before as it was. */

export type Reproduction = z.output<typeof ReproductionWire>

/** The platform task that gives again what is on record. */
export const recordedTask = 'workflow.recorded'

export const recorded: PlatformTask = async ({ params, log }) => {
  const outputs = JSON.parse(params['artifacts'] as string) as Artifacts
  for (const [name, { digest, ref }] of Object.entries(outputs)) log(`${name}: ${digest ?? ref ?? 'a value'}`)
  return { outputs }
}

/** A task that gives what is on record. */
export const asRecorded = (artifacts: Artifacts): RunTask => ({
  uses: recordedTask,
  inputs: {},
  outputs: [],
  params: { artifacts: JSON.stringify(artifacts) },
  after: [],
  retries: 0,
})

/** Users' code that has made something of what it was given, and not of what it looked for: only this is done again. */
const isRepeated = (spec: RunTask, { state }: TaskRun): boolean =>
  isUsersCode(spec) && spec.tune === undefined && spec.poll === undefined && !spec.final && isGood(state)

/**
 * What to start: the same code, parameters and seeds, no cache, no conditions. Throws `conflict` for a run that has not
 * ended, is of no revision, or has made nothing with users' code.
 */
export function reproductionOf(run: Run, tasks: readonly TaskRun[], pipeline: PipelineSpec | undefined): StartRequest {
  if (!hasEnded(run.state)) throw conflict(`Run ${run.id} has not ended: it is ${run.state}.`, { state: run.state })
  const again = tasks.flatMap(task => {
    const spec = pipeline?.tasks[task.name]
    return spec ? [[task.name, isRepeated(spec, task) ? repeated(spec) : asRecorded(task.outputs)] as const] : []
  })
  if (!again.some(([, spec]) => spec.uses !== recordedTask))
    throw conflict(`Run ${run.id} has done nothing that can be done again: no command or function of a pipeline.`)
  return {
    project: run.project,
    pipeline: 'reproduction',
    tasks: Object.fromEntries(again),
    params: run.params as StartRequest['params'],
    cause: { kind: 'manual', reason: `Does ${run.pipeline} give the same again?`, ref: run.id },
    ...(run.code !== undefined && { code: run.code }),
    ...(run.commit !== undefined && { commit: run.commit }),
  }
}

function repeated({ when, cache: _, ...spec }: RunTask): RunTask {
  return { ...spec, ...(isAboutItem(when) && { when }) }
}

/** A task as it was, with what was noted of its last attempt. */
export interface Seen {
  readonly task: TaskRun
  readonly attempt: AttemptDetail | undefined
}

/** Says of each task that was done again whether it gave the same bytes, or what it was given that differs. */
export function compare(of: Run, run: Run, pairs: readonly (readonly [before: Seen, after: Seen])[]): Reproduction {
  const tasks = pairs.map(([before, after]) => {
    const outputs = differing(before.task.outputs, after.task.outputs)
    const isDone = isGood(after.task.state)
    return {
      name: after.task.name,
      state: after.task.state,
      verdict: isDone ? (outputs.length === 0 ? ('identical' as const) : ('different' as const)) : ('unknown' as const),
      outputs,
      inputs: differing(before.task.inputs, after.task.inputs),
      ...(isDone && environmentsOf(before) !== environmentsOf(after) && { environment: true }),
    }
  })
  const isIdentical = tasks.length > 0 && tasks.every(({ verdict }) => verdict === 'identical')
  return { of: of.id, run: run.id, state: run.state, isIdentical, tasks }
}

const differing = (before: Artifacts, after: Artifacts): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => contentOf(before[name]) !== contentOf(after[name]),
  )

const contentOf = (artifact: Artifact | undefined): string =>
  canonicalJson(artifact && (artifact.digest ?? artifact.ref ?? { value: artifact.value }))

const environmentsOf = ({ attempt }: Seen): string =>
  canonicalJson((attempt?.record.environments ?? []).map(({ digest }) => digest))
