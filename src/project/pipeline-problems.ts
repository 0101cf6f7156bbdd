import { edgeProblems } from './edge-problems.ts'
import { findCycle } from './graph.ts'
import { nearest, oneOf } from '#kernel/nearest.ts'
import type { Path } from './path.ts'
import { platformTaskShapes, type PlatformParam } from './platform-task.ts'
import type { PipelineSpec, ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'
import { allTasks, isFrom, outputNames, upstream } from './task-edges.ts'
import type { TaskSpec } from './task-spec.ts'
import { triggersProblems } from './trigger-problems.ts'
import { tuneProblems } from './tune-problems.ts'

/** What is wrong inside one pipeline: names that lead nowhere, a cycle, a platform task that lacks what it needs. */
export function pipelineProblems({
  file,
  name,
  pipeline,
  report,
}: {
  file: ProjectFile
  name: string
  pipeline: PipelineSpec
  report: Report
}): void {
  const root = ['pipelines', name]
  triggersProblems(file, pipeline, root, report)
  if (Object.keys(pipeline.tasks).length === 0) report([...root, 'tasks'], {}, 'at least one task')
  const tasks = allTasks(pipeline)
  for (const [section, isFinal] of [
    ['tasks', false],
    ['finally', true],
  ] as const)
    for (const [taskName, task] of Object.entries(pipeline[section] ?? {})) {
      const path = [...root, section, taskName]
      if (isFinal && Object.hasOwn(pipeline.tasks, taskName)) report(path, taskName, 'a name that no other task has')
      edgeProblems({ tasks: isFinal ? tasks : pipeline.tasks, isFinal }, task, path, report)
      for (const [index, name] of task.after.entries())
        declared(pipeline[section]!, name, [...path, 'after', index], report)
      if (task.uses) platformTaskProblems(file, task, path, report)
      if (task.tune) tuneProblems(task, path, report)
    }
  const cycle = findCycle(Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, upstream(task)])))
  if (cycle) report([...root, 'tasks'], cycle.join(' -> '), 'no cycle: a task cannot wait for itself')
}

function platformTaskProblems(file: ProjectFile, task: TaskSpec, path: Path, report: Report): void {
  const shape = platformTaskShapes[task.uses!]
  for (const [name, param] of Object.entries(shape.params))
    paramProblems(file, { param, value: task.params[name] }, [...path, 'params', name], report)
  for (const name of Object.keys(task.params)) {
    if (!Object.hasOwn(shape.params, name))
      report(
        [...path, 'params', name],
        task.params[name],
        unknown(`a parameter of ${task.uses}`, name, Object.keys(shape.params)),
      )
  }
  if (shape.anyOf && !shape.anyOf.some(name => Object.hasOwn(task.params, name)))
    report([...path, 'params'], task.params, `${shape.anyOf.join(' or ')} for ${task.uses}`)
  for (const name of Object.keys(shape.inputs)) {
    if (!Object.hasOwn(task.inputs, name))
      report([...path, 'inputs', name], undefined, `required by ${task.uses}: task.output`)
  }
  for (const name of Object.keys(task.inputs)) {
    if (!shape.moreInputs && !Object.hasOwn(shape.inputs, name))
      report(
        [...path, 'inputs', name],
        task.inputs[name],
        unknown(`an input of ${task.uses}`, name, Object.keys(shape.inputs)),
      )
  }
  if (!Array.isArray(task.outputs))
    report([...path, 'outputs'], task.outputs, `a list: what ${task.uses} gives is known`)
  else
    for (const [index, name] of task.outputs.entries()) {
      if (!Object.hasOwn(shape.outputs, name))
        report([...path, 'outputs', index], name, unknown(`an output of ${task.uses}`, name, outputNames(task)))
    }
  if (task.secrets) report([...path, 'secrets'], task.secrets, 'nothing: only run and function tasks are given secrets')
  if (task.environment)
    report([...path, 'environment'], task.environment, 'nothing: only run and function tasks have an environment')
}

function paramProblems(
  file: ProjectFile,
  { param, value }: { param: PlatformParam; value: unknown },
  path: Path,
  report: Report,
): void {
  if (value === undefined) {
    if (param.required)
      report(
        path,
        undefined,
        `required${param.section ? `: ${oneOf(undefined, Object.keys(file[param.section]))}` : ''}`,
      )
    return
  }
  if (isFrom(value)) return
  if (param.section) declared(file[param.section], value, path, report)
  if (param.values && !param.values.includes(value as string)) report(path, value, oneOf(value, param.values))
  if (param.type && typeof value !== param.type) report(path, value, `a ${param.type}`)
}

const unknown = (what: string, name: string, known: readonly string[]): string => {
  const meant = nearest(name, known)
  if (meant !== undefined) return `${what}; did you mean ${meant}?`
  return `${what}: ${known.length > 0 ? known.join(', ') : 'it has none'}`
}
