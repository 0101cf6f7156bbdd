import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** What the machine's GPUs do for some processes. */
export interface Gpus {
  /** Undefined when there is no GPU, or none of the processes uses one. */
  use(pids: ReadonlySet<number>): Promise<{ percent: number; memoryBytes: number } | undefined>
  /** Names of the GPUs; empty when there are none. */
  names(): Promise<readonly string[]>
}

const mib = 1024 * 1024
/** nvidia-smi takes tens of milliseconds of a core: one answer serves all tasks for so long. */
const freshMs = 5_000
const timeoutMs = 5_000

const processQuery = ['--query-compute-apps=pid,gpu_uuid,used_gpu_memory', '--format=csv,noheader,nounits']
const gpuQuery = ['--query-gpu=uuid,name,utilization.gpu', '--format=csv,noheader,nounits']

type Table = readonly (readonly string[])[]

/**
 * GPUs by `nvidia-smi`. A machine without it is asked once. The load is that of the busiest GPU that the processes use,
 * whoever else uses it too: the driver does not divide it.
 */
export function nvidiaGpus(path: string | undefined): Gpus {
  let isAbsent = false
  let last: { at: number; tables: Promise<readonly [Table, Table]> } | undefined

  async function ask(args: readonly string[]): Promise<Table> {
    const { stdout } = await promisify(execFile)('nvidia-smi', [...args], {
      timeout: timeoutMs,
      env: path === undefined ? {} : { PATH: path },
    })
    return stdout
      .split('\n')
      .filter(line => line.trim() !== '')
      .map(line => line.split(',').map(cell => cell.trim()))
  }

  async function tables(): Promise<readonly [Table, Table]> {
    if (isAbsent) return [[], []]
    const now = performance.now()
    if (!last || now - last.at > freshMs) last = { at: now, tables: Promise.all([ask(processQuery), ask(gpuQuery)]) }
    try {
      return await last.tables
    } catch (error) {
      isAbsent ||= (error as NodeJS.ErrnoException).code === 'ENOENT'
      return [[], []]
    }
  }

  return {
    async use(pids) {
      const [processes, gpus] = await tables()
      const own = processes.filter(([pid]) => pids.has(Number(pid)))
      if (own.length === 0) return undefined
      const used = new Set(own.map(([, uuid]) => uuid))
      const loads = gpus.flatMap(([uuid, , percent]) => (used.has(uuid) ? [Number(percent) || 0] : []))
      return {
        percent: Math.max(0, ...loads),
        memoryBytes: own.reduce((sum, [, , memory]) => sum + (Number(memory) || 0) * mib, 0),
      }
    },
    names: async () => (await tables())[1].map(([, name = 'GPU']) => name),
  }
}
