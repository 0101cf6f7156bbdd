import type { Problem } from '#kernel/error.ts'
import { bytesOf } from '#kernel/size.ts'
import { oneOf } from './nearest.ts'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { Report } from './report.ts'
import type { TaskSpec } from './task-spec.ts'
import { tasksIn } from './tasks-in.ts'

/** What there is for tasks to take: slots of pools, and what a machine has for those that run on it. */
export interface RoomAt {
  /** Of the server, for all projects. */
  readonly pools: Readonly<Record<string, number>>
  readonly machine: MachineRoom
  /** Queues whose tasks this server takes, each with how many at the same time; none when left out. */
  readonly queues?: Readonly<Record<string, number>>
}

export interface MachineRoom {
  readonly cpu: number
  readonly memoryBytes: number
  /** Names of its GPUs, as `CUDA_VISIBLE_DEVICES` has them. */
  readonly gpus: readonly string[]
}

/** A task in so far as it takes room. */
type Taking = Pick<TaskSpec, 'pools' | 'resources' | 'run' | 'function' | 'executor' | 'approval' | 'pipeline'>

/** What tasks of a file ask for that they would wait for without end. */
export function roomProblems(file: ProjectFile, room: RoomAt, fallback: string): Problem[] {
  const problems: Problem[] = []
  const report: Report = (path, value, allowed) => void problems.push({ field: showPath(path), value, allowed })
  const pools = { ...room.pools, ...file.pools }
  for (const { task, path } of tasksIn(file)) {
    // Who has its queue has a machine of its own.
    const isHere = (task.executor ?? fallback) === 'local' && task.queue === undefined
    takingProblems(task, path, { pools, machine: isHere ? room.machine : undefined, report })
  }
  return problems
}

/** `machine` is undefined for a task that runs on others. */
export function takingProblems(
  task: Taking,
  path: Path,
  { pools, machine, report }: { pools: RoomAt['pools']; machine: MachineRoom | undefined; report: Report },
): void {
  for (const [name, slots] of Object.entries(task.pools ?? {})) {
    const at = [...path, 'pools', name]
    if (task.approval ?? task.pipeline) report(at, slots, 'nothing: the task holds no slots while it waits for others')
    else if (!Object.hasOwn(pools, name)) report(at, slots, oneOf(name, Object.keys(pools)))
    else if (slots > pools[name]!) report(at, slots, `${pools[name]} at most: pool ${name} has no more slots`)
  }
  if (!machine || (task.run ?? task.function) === undefined) return
  const { cpu = 0, memory, gpu = 0 } = task.resources ?? {}
  const resources = [...path, 'resources']
  if (cpu > machine.cpu) report([...resources, 'cpu'], cpu, `${machine.cpu} at most: this machine has no more`)
  if (memory !== undefined && bytesOf(memory) > machine.memoryBytes)
    report([...resources, 'memory'], memory, `${machine.memoryBytes / 2 ** 20}MiB at most: this machine has no more`)
  if (gpu > machine.gpus.length)
    report([...resources, 'gpu'], gpu, `${machine.gpus.length} at most: this machine has no more`)
}
