import { findCycle } from './graph.ts'
import type { Path } from './path.ts'
import type { PipelineSpec, ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'
import { allTasks, givenKind, outputNames, taskOf } from './task-edges.ts'
import type { OutputKind } from './output-kind.ts'
import { outputKinds, type TaskSpec } from './task-spec.ts'

/** Pipelines that are tasks of other pipelines. */

type Kind = (typeof outputKinds)[number]

/** What the kinds of platform tasks are to others. */
const plainKind: Readonly<Partial<Record<OutputKind, Kind>>> = {
  evaluation: 'object',
  report: 'object',
  version: 'integer',
}

/** Tells each task that runs a pipeline what that pipeline gives. Those on a cycle are told nothing. */
export function withPipelineOutputs(file: ProjectFile): ProjectFile {
  const filled = new Map<string, PipelineSpec>()
  for (const name of calledFirst(file)) {
    const pipeline = file.pipelines[name]!
    const told = (task: TaskSpec): TaskSpec => {
      const called = task.pipeline === undefined ? undefined : filled.get(task.pipeline)
      return called ? { ...task, outputs: givenBy(called) } : task
    }
    filled.set(name, {
      ...pipeline,
      tasks: mapTasks(pipeline.tasks, told),
      ...(pipeline.finally && { finally: mapTasks(pipeline.finally, told) }),
    })
  }
  const pipelines = Object.entries(file.pipelines).map(([name, pipeline]) => [name, filled.get(name) ?? pipeline])
  return { ...file, pipelines: Object.fromEntries(pipelines) }
}

const mapTasks = (
  tasks: Readonly<Record<string, TaskSpec>>,
  map: (task: TaskSpec) => TaskSpec,
): Record<string, TaskSpec> => Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, map(task)]))

function givenBy(pipeline: PipelineSpec): Record<string, Kind> {
  const tasks = allTasks(pipeline)
  return Object.fromEntries(
    Object.entries(pipeline.outputs ?? {}).map(([name, port]) => {
      const from = taskOf(port)
      const kind = tasks[from] && givenKind(tasks[from], port.slice(from.length + 1))
      return [name, (kind && plainKind[kind]) ?? outputKinds.find(known => known === kind) ?? 'file']
    }),
  )
}

const calls = (pipeline: PipelineSpec): readonly string[] =>
  Object.values(allTasks(pipeline)).flatMap(task => task.pipeline ?? [])

/** The pipelines such that each comes after those that it runs. */
function calledFirst({ pipelines }: ProjectFile): readonly string[] {
  const ordered = new Set<string>()
  const visit = (name: string, above: ReadonlySet<string>): void => {
    if (ordered.has(name) || above.has(name) || !Object.hasOwn(pipelines, name)) return
    for (const called of calls(pipelines[name]!)) visit(called, new Set([...above, name]))
    ordered.add(name)
  }
  for (const name of Object.keys(pipelines)) visit(name, new Set())
  return [...ordered]
}

/** Pipelines that run themselves, names and parameters that lead nowhere, outputs that nothing gives. */
export function subPipelineProblems({ pipelines }: ProjectFile, report: Report): void {
  const cycle = findCycle(Object.fromEntries(Object.entries(pipelines).map(([name, one]) => [name, calls(one)])))
  if (cycle) report(['pipelines'], cycle.join(' -> '), 'no cycle: a pipeline cannot run itself')
  for (const [name, pipeline] of Object.entries(pipelines)) {
    outputProblems(pipeline, ['pipelines', name, 'outputs'], report)
    for (const section of ['tasks', 'finally'] as const) {
      const called = Object.entries(pipeline[section] ?? {}).filter(([, { pipeline: other }]) => other !== undefined)
      for (const [task, spec] of called) callProblems(pipelines, spec, ['pipelines', name, section, task], report)
    }
  }
}

function outputProblems(pipeline: PipelineSpec, path: Path, report: Report): void {
  for (const [name, port] of Object.entries(pipeline.outputs ?? {})) {
    const from = taskOf(port)
    if (!declared(pipeline.tasks, from, [...path, name], report)) continue
    const outputs = outputNames(pipeline.tasks[from]!)
    if (!outputs.includes(port.slice(from.length + 1)))
      report([...path, name], port, `an output of ${from}: ${outputs.join(', ') || 'it declares none'}`)
  }
}

function callProblems(pipelines: ProjectFile['pipelines'], task: TaskSpec, path: Path, report: Report): void {
  if (!declared(pipelines, task.pipeline, [...path, 'pipeline'], report)) return
  const called = Object.values(allTasks(pipelines[task.pipeline!]!))
  const known = Object.fromEntries(called.flatMap(({ params }) => Object.entries(params)))
  for (const name of Object.keys(task.params))
    declared(known, name, [...path, 'params', name], (field, _, allowed) =>
      report(field, task.params[name], `a parameter of ${task.pipeline}: ${allowed}`),
    )
  for (const [name, port] of Object.entries(task.inputs))
    report([...path, 'inputs', name], port, 'nothing: a pipeline is given parameters')
}
