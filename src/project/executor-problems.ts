import { posix } from 'node:path'
import type { Problem } from '#kernel/error.ts'
import { oneOf } from '#kernel/nearest.ts'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { Report } from './report.ts'
import type { TaskSpec } from './task-spec.ts'
import { tasksIn } from './tasks-in.ts'

/** What an executor of the server can do. */
export interface ExecutorAbility {
  /** Whether it is this machine: the platform's own Node is there. */
  readonly isLocal: boolean
  /** Whether it starts one command on several machines. */
  readonly distributes: boolean
  /** Whether tasks run in containers: all, in which image when they name none, or those alone that name one. */
  readonly containers: false | 'named' | { readonly image: string | undefined }
}

export interface ExecutorsAt {
  readonly known: Readonly<Record<string, ExecutorAbility>>
  /** Of tasks that name none. */
  readonly fallback: string
}

/** What is wrong with where the tasks of a file are to run, on the server that it is for. */
export function executorProblems(file: ProjectFile, executors: ExecutorsAt): Problem[] {
  const problems: Problem[] = []
  const report: Report = (path, value, allowed) => void problems.push({ field: showPath(path), value, allowed })
  for (const { task, path } of tasksIn(file)) taskProblems(task, path, { executors, report })
  return problems
}

const noEngine = 'nothing: there is neither podman nor docker on the PATH of the server'
const fields = ['executor', 'resources', 'nodes', 'image', 'checkpoint'] as const

function taskProblems(
  task: TaskSpec,
  path: Path,
  { executors, report }: { executors: ExecutorsAt; report: Report },
): void {
  if (task.uses) {
    for (const field of fields)
      if (task[field] !== undefined)
        report([...path, field], task[field], `nothing: the platform itself does ${task.uses}`)
    return
  }
  const name = task.executor ?? executors.fallback
  if (!Object.hasOwn(executors.known, name))
    return report([...path, 'executor'], name, oneOf(name, Object.keys(executors.known)))
  const { isLocal, distributes, containers } = executors.known[name]!
  if (!isLocal && task.function !== undefined)
    report(
      [...path, 'function'],
      task.function,
      `a task with run: functions run on local only, and this is for ${name}`,
    )
  for (const kind of ['node', 'conda'] as const)
    if (!isLocal && task.environment?.[kind] !== undefined)
      report(
        [...path, 'environment', kind],
        task.environment[kind],
        `nothing: ${name} builds environments of Python only`,
      )
  const lock = task.environment?.python
  if (!isLocal && lock !== undefined && posix.basename(lock) === 'uv.lock')
    report(
      [...path, 'environment', 'python'],
      lock,
      `requirements with hashes, such as uv export writes: ${name} installs them with pip`,
    )
  if (!isLocal && task.poll !== undefined)
    report([...path, 'poll'], task.poll, `nothing: what is polled runs on local, and this is for ${name}`)
  if (!distributes && (task.nodes ?? 1) > 1)
    report([...path, 'nodes'], task.nodes, `1: ${name} starts a task on one machine`)
  if (!containers && task.image !== undefined)
    report([...path, 'image'], task.image, isLocal ? noEngine : `nothing: ${name} runs no containers`)
  if (isLocal && task.image !== undefined)
    for (const field of ['function', 'environment'] as const)
      if (task[field] !== undefined) report([...path, field], task[field], `nothing: what it needs is in its image`)
  if (containers && containers !== 'named' && task.image === undefined && containers.image === undefined)
    report([...path, 'image'], undefined, `required: ${name} runs containers and has no image of its own`)
}
