import { access, mkdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import type { Limits } from './shim.ts'

const files = { memoryBytes: 'memory.max', processes: 'pids.max', cpus: 'cpu.max' } as const
const controllers = ['memory', 'pids', 'cpu']

/** Asks once, before the first task, whether the cgroup of the settings keeps the limits of the settings. Throws `unavailable`. */
export function createCgroupCheck(limits: Limits): () => Promise<void> {
  const { cgroup } = limits
  let answer: Promise<void> | undefined

  async function probe(folder: string): Promise<void> {
    // Whoever has delegated the folder leaves it to its owner to pass the controllers on; what is refused is found below.
    for (const name of controllers)
      await writeFile(join(folder, 'cgroup.subtree_control'), `+${name}`, { flag: 'r+' }).catch(() => {})
    const one = join(folder, `trainyard-probe-${process.pid}`)
    await mkdir(one)
    try {
      for (const [limit, file] of Object.entries(files))
        if (limits[limit as keyof typeof files] !== undefined) await access(join(one, file))
      await access(join(one, 'cgroup.procs'))
    } finally {
      await rmdir(one)
    }
  }

  return async () => {
    if (cgroup === undefined) return
    answer ??= probe(cgroup).catch((error: unknown) => {
      answer = undefined
      throw new TrainyardError(
        'unavailable',
        `Tasks are to be limited by the cgroup ${cgroup}, which does not work here.`,
        {
          why: messageOf(error).slice(0, 500),
        },
      )
    })
    await answer
  }
}
