import { durationMs } from '#kernel/duration.ts'
import { oneOf } from '#kernel/nearest.ts'
import type { Path } from './path.ts'
import { platformTaskShapes } from './platform-task.ts'
import { declared, type Report } from './report.ts'
import { isFrom, givenKind, isTaskSource, outputNames, taskOf, testsOf, valuesOf, type ValueUse } from './task-edges.ts'
import type { OutputKind } from './output-kind.ts'
import { valueKinds, type TaskSpec, type TestSpec, type WhenSpec } from './task-spec.ts'

type Tasks = Readonly<Record<string, TaskSpec>>

/** Where a task stands: what it may read, and whether it runs at the end of its pipeline. */
export interface Standing {
  readonly tasks: Tasks
  readonly isFinal: boolean
}

/** What is wrong with what a task reads: edges that lead nowhere or do not fit, conditions that say nothing. */
export function edgeProblems({ tasks, isFinal }: Standing, task: TaskSpec, path: Path, report: Report): void {
  for (const [name, port] of Object.entries(task.inputs)) {
    const field = [...path, 'inputs', name]
    const kind = kindAt(tasks, port, field, report)
    const wanted = task.expects?.[name] ?? (task.uses && platformTaskShapes[task.uses].inputs[name])
    if (kind && wanted && !fits(kind, wanted)) report(field, port, `${article(wanted)}; ${port} is ${article(kind)}`)
  }
  for (const name of Object.keys(task.expects ?? {}))
    if (!Object.hasOwn(task.inputs, name))
      report([...path, 'expects', name], task.expects![name], oneOf(name, Object.keys(task.inputs)))
  for (const use of valuesOf(task)) {
    const field = [...path, ...use.path]
    if (isTaskSource(use.source)) valueProblems(tasks, use, field, report)
    else sourceProblems({ isFinal, isEach: task.forEach !== undefined }, use.source, field, report)
  }
  if (isFinal && task.forEach) report([...path, 'forEach'], task.forEach, 'nothing: a task of `finally` is called once')
  conditionProblems(task, path, report)
  if (task.cache !== undefined && task.run === undefined && task.function === undefined)
    report([...path, 'cache'], task.cache, 'nothing: only run and function tasks have a result by content')
  if (task.queue !== undefined && task.run === undefined && task.function === undefined)
    report([...path, 'queue'], task.queue, 'nothing: only run and function tasks are in queues')
  pollProblems(task, path, report)
  if (task.approval && outputsSaid(task).length > 0)
    report([...path, 'outputs'], task.outputs, 'nothing: an approval gives `decision`')
  paramProblems(task, path, report)
}

function pollProblems({ poll, run, function: called, tune }: TaskSpec, path: Path, report: Report): void {
  if (!poll) return
  const field = [...path, 'poll']
  if (run === undefined && called === undefined) report(field, poll, 'nothing: only run and function tasks are polled')
  if (tune) report(field, poll, 'nothing: a task is polled or tuned')
  if (durationMs(poll.every) < 1_000) report([...field, 'every'], poll.every, 'at least 1s')
}

const outputsSaid = ({ outputs }: TaskSpec): readonly string[] =>
  Array.isArray(outputs) ? outputs : Object.keys(outputs)

/** The kind of an output, if its task says one; reports a port that leads nowhere. */
function kindAt(tasks: Tasks, port: string, field: Path, report: Report): OutputKind | undefined {
  const from = taskOf(port)
  const output = port.slice(from.length + 1)
  if (!declared(tasks, from, field, report)) return undefined
  const outputs = outputNames(tasks[from]!)
  if (!outputs.includes(output)) report(field, port, `an output of ${from}: ${oneOf(output, outputs)}`)
  return outputs.includes(output) ? givenKind(tasks[from]!, output) : undefined
}

/** A kind of which nothing is known fits everywhere, so that a task may simply name its files. */
const fits = (kind: OutputKind, wanted: OutputKind): boolean => kind === wanted || (wider[kind] ?? []).includes(wanted)

const wider: Readonly<Partial<Record<OutputKind, readonly OutputKind[]>>> = {
  model: ['file'],
  dataset: ['file'],
  integer: ['number'],
  evaluation: ['object'],
  report: ['object'],
  version: ['integer', 'number'],
}

const article = (kind: OutputKind): string =>
  `${/^[aeio]/.test(kind) ? 'an' : 'a'} ${kind === 'online' ? 'set of online rows' : kind}`

const isValue = (kind: OutputKind): boolean => valueKinds.some(value => fits(kind, value))

/** A value that is not another task's: of the run, or of the item that the call is for. */
function sourceProblems(
  { isFinal, isEach }: { isFinal: boolean; isEach: boolean },
  source: string,
  field: Path,
  report: Report,
): void {
  const isOfRun = source.startsWith('run.')
  if (isOfRun && !isFinal) report(field, source, 'the state of the run is known to tasks of `finally` alone')
  else if (isOfRun && source !== 'run.state' && source !== 'run.error')
    report(field, source, oneOf(source, ['run.state', 'run.error']))
  if (!isOfRun && !isEach) report(field, source, 'there is an item only in a task with `forEach`')
}

function valueProblems(tasks: Tasks, use: ValueUse, field: Path, report: Report): void {
  const { source, isMetric, at, test } = use
  if (isMetric) return void declared(tasks, taskOf(source), field, report)
  const kind = kindAt(tasks, source, field, report)
  const from = taskOf(source)
  const output = source.slice(from.length + 1)
  if (!kind) {
    if (Object.hasOwn(tasks, from) && outputNames(tasks[from]!).includes(output))
      report(
        field,
        source,
        `a value: ${from} declares no kind for it, say outputs: { ${output}: ${field.at(-1) === 'forEach' ? 'list' : 'number'} } there`,
      )
  } else if (!isValue(kind)) report(field, source, `a value (${valueKinds.join(', ')}); ${source} is ${article(kind)}`)
  else if (field.at(-1) === 'forEach' && kind !== 'list') report(field, source, `a list; ${source} is ${article(kind)}`)
  else if (at !== undefined && !fits(kind, 'object'))
    report([...field.slice(0, -1), 'at'], at, `nothing: ${source} is ${article(kind)}`)
  else if (test && at === undefined) comparisonProblems(test, { source, kind }, field.slice(0, -1), report)
}

const orderings = ['above', 'atLeast', 'below', 'atMost'] as const
const comparisons = ['is', 'isNot', 'in', ...orderings] as const

function comparisonProblems(
  test: TestSpec,
  { source, kind }: { source: string; kind: OutputKind },
  path: Path,
  report: Report,
): void {
  const order = orderings.find(name => test[name] !== undefined)
  if (order && !fits(kind, 'number'))
    report([...path, order], test[order], `a number to compare; ${source} is ${article(kind)}`)
  const wanted =
    kind === 'string' ? 'string' : kind === 'boolean' ? 'boolean' : fits(kind, 'number') ? 'number' : undefined
  for (const name of ['is', 'isNot'] as const) {
    if (wanted && test[name] !== undefined && typeof test[name] !== wanted)
      report([...path, name], test[name], `${article(wanted)}, as ${source} is`)
  }
}

function conditionProblems(task: TaskSpec, path: Path, report: Report): void {
  if (task.when) groupProblems(task.when, [...path, 'when'], report)
  for (const { path: inner, test } of testsOf(task.when)) {
    const subjects = (['value', 'metric', 'param'] as const).filter(name => test[name] !== undefined)
    const given = comparisons.filter(name => test[name] !== undefined)
    const field = [...path, ...inner]
    if (subjects.length !== 1) report(field, undefined, 'exactly one of value, metric, param')
    if (given.length !== 1) report(field, undefined, `exactly one of ${comparisons.join(', ')}`)
    if (test.param !== undefined) declared(task.params, test.param, [...field, 'param'], report)
  }
}

function groupProblems({ all, any, ...test }: WhenSpec, field: Path, report: Report): void {
  const isMixed = (all || any) && Object.keys(test).length > 0
  if ((all && any) || isMixed) report(field, undefined, 'one comparison, or all, or any')
}

/** Parameters of platform tasks name what the project declares, which must be known when it is planned. */
function paramProblems({ uses, params }: TaskSpec, path: Path, report: Report): void {
  if (!uses) return
  for (const [name, param] of Object.entries(params)) {
    const { section, values } = platformTaskShapes[uses].params[name] ?? {}
    if (isFrom(param) && (section || values))
      report([...path, 'params', name], param, 'a name that stands here, not a value of another task')
  }
}
