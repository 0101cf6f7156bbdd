import type { Config } from '#kernel/config.ts'
import type { RoomAt } from '#project'
import { machineRoom, numbered } from '#workflow'

const mib = 2 ** 20

/** What there is for tasks to take: what the settings say, or all that the machine has. */
export function roomOf({ pools, taskQueues, machineCpus, machineMemoryMb, machineGpus, gpuDevices }: Config): RoomAt {
  const { cpu, memoryBytes, gpus } = machineRoom()
  return {
    pools,
    queues: taskQueues,
    machine: {
      cpu: machineCpus || cpu,
      memoryBytes: machineMemoryMb * mib || memoryBytes,
      gpus: gpuDevices !== '' ? gpuDevices.split(',') : machineGpus === -1 ? gpus : numbered(machineGpus),
    },
  }
}
