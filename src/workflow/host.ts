import { readdirSync } from 'node:fs'
import { arch, availableParallelism, cpus, hostname, release, totalmem } from 'node:os'
import type { MachineRoom } from '#project'
import type { TaskRecord } from './record.ts'

/** This machine, as every task that runs on it is told to have run on. */
export const thisHost = (): NonNullable<TaskRecord['host']> => (known ??= readHost())

let known: NonNullable<TaskRecord['host']> | undefined

/** Reads a file of the system for each core: once is enough. */
function readHost(): NonNullable<TaskRecord['host']> {
  const cores = cpus()
  return {
    name: hostname(),
    platform: `${process.platform} ${arch()}`,
    cpus: cores.length,
    cpuModel: cores[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    versions: { node: process.version, system: release() },
  }
}

/** All that this machine has for tasks. GPUs are those that NVIDIA's driver shows. */
export const machineRoom = (): MachineRoom => ({
  cpu: availableParallelism(),
  memoryBytes: totalmem(),
  gpus: numbered(readdirSync('/dev').filter(name => /^nvidia\d+$/.test(name)).length),
})

/** So many GPUs under the names that CUDA gives them. */
export const numbered = (gpus: number): readonly string[] => Array.from({ length: gpus }, (_, index) => String(index))
