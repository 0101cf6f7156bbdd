import { invalid, type Problem } from '#kernel/error.ts'
import { outputNames, platformTasks, taskOf, upstream } from '#project'
import type { Artifact, Artifacts, RunTask } from './run.ts'

export type Tasks = Readonly<Record<string, RunTask>>

/**
 * The tasks that must have ended before this one is ready. One that runs at the end of the pipeline waits for the others
 * there alone: what it reads of the rest has been made by then, or never will be.
 */
export const needsOf = (task: RunTask, tasks: Tasks): readonly string[] =>
  upstream(task).filter(name => !task.final || tasks[name]?.final)

/** `train.model` as task and output. */
export const portOf = (port: string): { task: string; output: string } => {
  const task = taskOf(port)
  return { task, output: port.slice(task.length + 1) }
}

/**
 * Throws `invalid` listing every problem of a pipeline: no task, unknown tasks, outputs and handlers, cycles.
 * @param handlers The platform tasks that this process can run.
 */
export function checkPipeline(pipeline: string, tasks: Tasks, handlers: ReadonlySet<string>): void {
  const problems: Problem[] = Object.entries(tasks).flatMap(([name, task]) =>
    taskProblems(`${pipeline}.${name}`, task, tasks, handlers),
  )
  if (Object.keys(tasks).length === 0) problems.push({ field: `${pipeline}.tasks`, allowed: 'at least one task' })
  const stuck = onCycle(tasks)
  if (stuck.length > 0)
    problems.push({
      field: `${pipeline}.tasks`,
      value: stuck.join(', '),
      allowed: 'no cycle: these tasks wait for each other',
    })
  if (problems.length > 0) throw invalid(`Pipeline ${pipeline} cannot be run.`, problems)
}

const isDeclarable: ReadonlySet<string> = new Set(platformTasks)

function taskProblems(field: string, task: RunTask, tasks: Tasks, handlers: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = []
  const known = (): string => Object.keys(tasks).join(', ')
  for (const [input, port] of Object.entries(task.inputs)) {
    const { task: from, output } = portOf(port)
    const producer = Object.hasOwn(tasks, from) ? tasks[from] : undefined
    if (!producer)
      problems.push({ field: `${field}.inputs.${input}`, value: port, allowed: `an output of a task: ${known()}` })
    // Which outputs a task of the platform alone has is known to its owner, and is checked when it has run.
    else if ((!producer.uses || isDeclarable.has(producer.uses)) && !outputNames(producer).includes(output)) {
      problems.push({
        field: `${field}.inputs.${input}`,
        value: port,
        allowed: `an output of ${from}: ${outputNames(producer).join(', ') || 'it declares none'}`,
      })
    }
  }
  for (const name of upstream({ ...task, inputs: {} }).filter(other => !Object.hasOwn(tasks, other)))
    problems.push({ field: `${field}.after`, value: name, allowed: `a task: ${known()}` })
  if (task.uses !== undefined && !handlers.has(task.uses))
    problems.push({
      field: `${field}.uses`,
      value: task.uses,
      // The others are the platform's own, in pipelines of its own.
      allowed: platformTasks.filter(name => handlers.has(name)).join(', '),
    })
  return problems
}

/** Names of the tasks that never become ready because they wait for each other, or for one that does [Kahn 1962]. */
function onCycle(tasks: Tasks): readonly string[] {
  const needs = new Map(
    Object.entries(tasks).map(([name, task]) => [
      name,
      needsOf(task, tasks).filter(need => Object.hasOwn(tasks, need)),
    ]),
  )
  const open = new Map([...needs].map(([name, names]) => [name, names.length]))
  const users = Map.groupBy(
    [...needs].flatMap(([name, names]) => names.map(need => ({ need, name }))),
    edge => edge.need,
  )
  const ready = [...open].filter(([, count]) => count === 0).map(([name]) => name)
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    open.delete(name)
    for (const user of users.get(name) ?? []) {
      const left = open.get(user.name)! - 1
      open.set(user.name, left)
      if (left === 0) ready.push(user.name)
    }
  }
  return [...open.keys()]
}

/** The inputs of a task that its producers have given; what is missing is left out. */
export function inputsFrom(
  spec: RunTask,
  outputsOf: (task: string) => Artifacts | undefined,
): Record<string, Artifact> {
  const given = Object.entries(spec.inputs).map(([name, port]) => {
    const { task, output } = portOf(port)
    return [name, outputsOf(task)?.[output]] as const
  })
  return Object.fromEntries(given.filter((entry): entry is [string, Artifact] => entry[1] !== undefined))
}
