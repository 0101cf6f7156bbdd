import type { Problem } from '#kernel/error.ts'
import { bytesOf } from '#kernel/size.ts'
import { oneOf } from '#kernel/nearest.ts'
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
  /** What the machines of all servers on the database have said that they have; this one alone when left out. */
  readonly machines?: () => Promise<readonly MachineSize[]>
  /** Queues whose tasks this server takes, each with how many at the same time; none when left out. */
  readonly queues?: Readonly<Record<string, number>>
}

export interface MachineRoom {
  readonly cpu: number
  readonly memoryBytes: number
  /** Names of its GPUs, as `CUDA_VISIBLE_DEVICES` has them. */
  readonly gpus: readonly string[]
}

/** How much a machine has. */
export interface MachineSize {
  readonly cpu: number
  readonly memoryBytes: number
  readonly gpu: number
}

/** This machine and the others: any of them may take a task that names no queue. */
export const machinesAt = async ({ machine: { gpus, ...rest }, machines }: RoomAt): Promise<readonly MachineSize[]> => [
  { ...rest, gpu: gpus.length },
  ...((await machines?.()) ?? []),
]

/** A task in so far as it takes room. */
type Taking = Pick<TaskSpec, 'pools' | 'resources' | 'run' | 'function' | 'executor' | 'approval' | 'pipeline'>

/** What tasks of a file ask for that they would wait for without end. */
export async function roomProblems(file: ProjectFile, room: RoomAt, fallback: string): Promise<Problem[]> {
  const all = await machinesAt(room)
  const problems: Problem[] = []
  const report: Report = (path, value, allowed) => void problems.push({ field: showPath(path), value, allowed })
  const pools = { ...room.pools, ...file.pools }
  for (const { task, path } of tasksIn(file)) {
    // Who has its queue has a machine of its own.
    const isHere = (task.executor ?? fallback) === 'local' && task.queue === undefined
    takingProblems(task, path, { pools, machines: isHere ? all : undefined, report })
  }
  return problems
}

/** `machines` are those that may take the task; undefined for one that runs on others. */
export function takingProblems(
  task: Taking,
  path: Path,
  { pools, machines, report }: { pools: RoomAt['pools']; machines: readonly MachineSize[] | undefined; report: Report },
): void {
  for (const [name, slots] of Object.entries(task.pools ?? {})) {
    const at = [...path, 'pools', name]
    if (task.approval ?? task.pipeline) report(at, slots, 'nothing: the task holds no slots while it waits for others')
    else if (!Object.hasOwn(pools, name)) report(at, slots, oneOf(name, Object.keys(pools)))
    else if (slots > pools[name]!) report(at, slots, `${pools[name]} at most: pool ${name} has no more slots`)
  }
  if (machines && (task.run ?? task.function) !== undefined)
    machineProblems(task.resources ?? {}, path, machines, report)
}

/** One machine must have all that a task asks for. */
function machineProblems(
  { cpu = 0, memory, gpu = 0 }: NonNullable<Taking['resources']>,
  path: Path,
  machines: readonly MachineSize[],
  report: Report,
): void {
  const memoryBytes = memory === undefined ? 0 : bytesOf(memory)
  if (machines.some(one => cpu <= one.cpu && memoryBytes <= one.memoryBytes && gpu <= one.gpu)) return
  const resources = [...path, 'resources']
  const most = (of: (machine: MachineSize) => number): number => Math.max(...machines.map(of))
  const [cpuMost, memoryMost, gpuMost] = [most(one => one.cpu), most(one => one.memoryBytes), most(one => one.gpu)]
  if (cpu > cpuMost) report([...resources, 'cpu'], cpu, `${cpuMost} at most: no machine has more`)
  if (memoryBytes > memoryMost)
    report([...resources, 'memory'], memory, `${memoryMost / mib}MiB at most: no machine has more`)
  if (gpu > gpuMost) report([...resources, 'gpu'], gpu, `${gpuMost} at most: no machine has more`)
  if (cpu <= cpuMost && memoryBytes <= memoryMost && gpu <= gpuMost)
    report(resources, { cpu, memory, gpu }, `what one machine has: ${machines.map(sizeText).join('; ')}`)
}

const mib = 2 ** 20
const sizeText = ({ cpu, memoryBytes, gpu }: MachineSize): string =>
  `cpu ${cpu}, memory ${memoryBytes / mib}MiB, gpu ${gpu}`
