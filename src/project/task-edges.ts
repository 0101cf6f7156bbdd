import { platformTaskShapes } from './platform-task.ts'
import type { PipelineSpec } from './project-file.ts'
import type { Path } from './path.ts'
import { valueKinds, type TaskSpec, type TestSpec, type ValueKind, type ValueRef, type WhenSpec } from './task-spec.ts'
import type { OutputKind } from './output-kind.ts'

/** A task as far as its edges go; `uses` may name work that only the platform's own pipelines do. */
export type EdgesOf = Pick<TaskSpec, 'inputs' | 'after' | 'params' | 'when' | 'forEach' | 'outputs'>

/** The tasks that must end before this one starts, each once, in the order in which they are named. */
export const upstream = (task: Omit<EdgesOf, 'outputs'>): string[] => [
  ...new Set([
    ...Object.values(task.inputs).map(taskOf),
    ...valuesOf(task).flatMap(({ source }) => (isTaskSource(source) ? [taskOf(source)] : [])),
    ...task.after,
  ]),
]

export const taskOf = (port: string): string => port.slice(0, port.indexOf('.'))

/** Whether it names a task, rather than the item of a fan-out or the run. */
export const isTaskSource = (source: string): boolean => source.includes('.') && !source.startsWith('run.')

/** A place of a task at which a value of elsewhere is read. */
export interface ValueUse {
  readonly path: Path
  readonly source: string
  readonly at: string | undefined
  readonly isMetric: boolean
  /** The condition that it is put to, if it is. */
  readonly test?: TestSpec
}

/** All values of elsewhere that a task reads: for its parameters and its condition. */
export function valuesOf({ params, when, forEach }: Pick<EdgesOf, 'params' | 'when' | 'forEach'>): readonly ValueUse[] {
  const given = Object.entries(params).flatMap(([name, param]): ValueUse[] =>
    isFrom(param) ? [{ path: ['params', name, 'from'], source: param.from, at: param.at, isMetric: false }] : [],
  )
  const tested = testsOf(when).flatMap(({ path, test }): ValueUse[] => {
    const source = test.value ?? test.metric
    if (source === undefined) return []
    const isMetric = test.metric !== undefined
    return [{ path: [...path, isMetric ? 'metric' : 'value'], source, at: test.at, isMetric, test }]
  })
  const list = listOf({ forEach })
  const items: ValueUse[] =
    list === undefined ? [] : [{ path: ['forEach'], source: list, at: undefined, isMetric: false }]
  return [...given, ...tested, ...items]
}

/** The list whose items a task is called for, one by one. */
export const listOf = ({ forEach }: Pick<TaskSpec, 'forEach'>): string | undefined =>
  typeof forEach === 'string' ? forEach : forEach?.items

/** Whether a condition is about an item, and so about each call rather than all of them. */
export const isAboutItem = (when: WhenSpec | undefined): boolean =>
  testsOf(when).some(({ test }) => test.value === 'item' || test.value === 'index')

/** The comparisons of a condition, and where they stand. */
export function testsOf(when: WhenSpec | undefined): readonly { path: Path; test: TestSpec }[] {
  if (!when) return []
  const { all, any, ...test } = when
  const nested = (name: string, tests: readonly TestSpec[] = []) =>
    tests.map((inner, index) => ({ path: ['when', name, index], test: inner }))
  return all || any ? [...nested('all', all), ...nested('any', any)] : [{ path: ['when'], test }]
}

export const isFrom = (param: unknown): param is ValueRef =>
  typeof param === 'object' && param !== null && 'from' in param

/** A task as far as what it gives goes. */
type Giving = Pick<TaskSpec, 'outputs' | 'approval' | 'tune'> & { uses?: string | undefined }

/** The names of a task's outputs: those of the platform's own tasks are known without being declared. */
export function outputNames({ uses, approval, outputs, tune }: Giving): string[] {
  if (approval) return ['decision']
  if (isPlatformTask(uses)) return Object.keys(platformTaskShapes[uses].outputs)
  const declared = Array.isArray(outputs) ? outputs : Object.keys(outputs)
  return tune ? [...declared, tunedOutput] : declared
}

/** What a search gives beside the outputs of its best trial: the parameters of it. */
export const tunedOutput = 'best'

/** What an output is; undefined when its task only names it, which then fits wherever a file does. */
export function outputKind({ uses, approval, outputs, tune }: Giving, name: string): OutputKind | undefined {
  if (approval) return name === 'decision' ? 'object' : undefined
  if (tune && name === tunedOutput) return 'object'
  if (isPlatformTask(uses)) return platformTaskShapes[uses].outputs[name]
  return Array.isArray(outputs) ? undefined : outputs[name]
}

/** What others see of an output: of a task with a call for each item all of them, values as a list and files in a folder. */
export function givenKind(task: Giving & Pick<TaskSpec, 'forEach'>, name: string): OutputKind | undefined {
  const kind = outputKind(task, name)
  if (task.forEach === undefined) return kind
  return isValueKind(kind) ? 'list' : 'folder'
}

export const isValueKind = (kind: OutputKind | undefined): kind is ValueKind =>
  (valueKinds as readonly unknown[]).includes(kind)

const isPlatformTask = (uses: string | undefined): uses is keyof typeof platformTaskShapes =>
  uses !== undefined && Object.hasOwn(platformTaskShapes, uses)

/** All tasks of a pipeline, those that run at its end among them. */
export const allTasks = (pipeline: Pick<PipelineSpec, 'tasks' | 'finally'>): Readonly<Record<string, TaskSpec>> => ({
  ...pipeline.tasks,
  ...pipeline.finally,
})
