import { Cron } from 'croner'
import { durationMs } from '#kernel/duration.ts'
import { messageOf } from '#kernel/error.ts'
import { calendarProblem } from './calendar.ts'
import type { Path } from './path.ts'
import type { PipelineSpec, ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'
import { allTasks } from './task-edges.ts'
import type { Calendar, TriggerSpec } from './trigger-spec.ts'

type Of<Kind extends TriggerSpec['on']> = Extract<TriggerSpec, { on: Kind }>

/** What a trigger is called in its pipeline: by its own name, or by its kind and its place among those of its kind. */
export function triggerName(triggers: readonly TriggerSpec[], index: number): string {
  const trigger = triggers[index]!
  if (trigger.name !== undefined) return trigger.name
  const number = triggers.slice(0, index + 1).filter(({ on, name }) => name === undefined && on === trigger.on).length
  return number === 1 ? trigger.on : `${trigger.on}-${number}`
}

/** What is wrong with what starts a pipeline. */
export function triggersProblems(file: ProjectFile, pipeline: PipelineSpec, root: Path, report: Report): void {
  const { triggers, instant } = pipeline
  const known = new Set(Object.values(allTasks(pipeline)).flatMap(task => Object.keys(task.params)))
  const isKnown = (name: string, path: Path): void => {
    if (!known.has(name)) report(path, name, `a parameter of its tasks: ${[...known].join(', ') || 'they have none'}`)
  }
  if (instant !== undefined) isKnown(instant, [...root, 'instant'])
  const names = new Set<string>()
  for (const [index, trigger] of triggers.entries()) {
    const path = [...root, 'triggers', index]
    const name = triggerName(triggers, index)
    if (names.has(name)) report([...path, 'name'], name, 'a name that no other trigger of the pipeline has')
    names.add(name)
    for (const param of Object.keys(trigger.params ?? {})) isKnown(param, [...path, 'params', param])
    triggerProblems(file, trigger, path, report)
  }
}

function triggerProblems(file: ProjectFile, trigger: TriggerSpec, path: Path, report: Report): void {
  if (trigger.on === 'data') declared(file.sources, trigger.source, [...path, 'source'], report)
  if (trigger.on === 'dataset')
    for (const [index, source] of trigger.sources.entries())
      declared(file.sources, source, [...path, 'sources', index], report)
  if (trigger.on === 'interval' && durationMs(trigger.every) < 1_000)
    report([...path, 'every'], trigger.every, 'a second or more')
  if (trigger.on === 'schedule' || trigger.on === 'calendar') localTimeProblems(trigger, path, report)
}

function localTimeProblems(trigger: Of<'schedule'> | Calendar, path: Path, report: Report): void {
  const { timeZone } = trigger
  if (!isTimeZone(timeZone))
    return report([...path, 'timeZone'], timeZone, 'an IANA time zone such as UTC or Europe/Berlin')
  if (trigger.on === 'schedule') return cronProblems(trigger, path, report)
  const problem = calendarProblem(trigger)
  if (problem) report([...path, problem.field], problem.value, problem.allowed)
}

function cronProblems({ cron, timeZone }: Of<'schedule'>, path: Path, report: Report): void {
  try {
    new Cron(cron, { paused: true, timezone: timeZone })
  } catch (error) {
    report([...path, 'cron'], cron, `a cron expression such as 0 6 * * *; ${messageOf(error)}`)
  }
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
