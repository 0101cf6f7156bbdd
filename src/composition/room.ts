import type { Config } from '#kernel/config.ts'
import type { RoomAt } from '#project'
import { machineRoom } from '#workflow'

const mib = 2 ** 20

/** What there is for tasks to take: what the settings say, or all that the machine has. */
export function roomOf({ pools, machineCpus, machineMemoryMb, machineGpus }: Config): RoomAt {
  const { cpu, memoryBytes, gpu } = machineRoom()
  return {
    pools,
    machine: {
      cpu: machineCpus || cpu,
      memoryBytes: machineMemoryMb * mib || memoryBytes,
      gpu: machineGpus === -1 ? gpu : machineGpus,
    },
  }
}
