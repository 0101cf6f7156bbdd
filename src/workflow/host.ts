import { arch, cpus, hostname, release, totalmem } from 'node:os'
import type { TaskRecord } from './record.ts'

/** This machine, as every task that runs on it is told to have run on. */
export function thisHost(): NonNullable<TaskRecord['host']> {
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
