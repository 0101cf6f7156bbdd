import { invalid } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import type { RunTask, TaskCall } from '#workflow'

/** A task of one of the platform's own pipelines, with the defaults of the project file. */
export const task = (spec: Partial<RunTask>): RunTask => ({
  inputs: {},
  outputs: [],
  params: {},
  after: [],
  retries: 0,
  ...spec,
})

/** A text parameter of a task. These pipelines are written here: its absence is a fault, not an input. */
export function textParam({ params, task: name }: TaskCall, param: string): string {
  const value = params[param]
  if (typeof value !== 'string') throw new TypeError(`Task ${name} has no parameter ${param}.`)
  return value
}

export function digestInput({ inputs, task: name }: TaskCall, input: string): Digest {
  const digest = inputs[input]?.digest
  if (digest === undefined)
    throw invalid('An input is missing.', [{ field: `${name}.inputs.${input}`, allowed: 'an artifact with bytes' }])
  return digest
}
