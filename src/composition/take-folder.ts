import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { conflict } from '#kernel/error.ts'

/**
 * Makes this process the only server on a data folder: two would write the same SQLite file and start the same tasks.
 * What a dead process left is taken over. Answers the way to give the folder back; throws `conflict`.
 */
export async function takeFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'server.lock')
  for (let attempt = 1; ; attempt++) {
    const file = await open(path, 'wx').catch(() => undefined)
    if (file) {
      await file.writeFile(`${process.pid} ${await startOf(process.pid)}`)
      await file.close()
      return () => rm(path, { force: true })
    }
    const [pid, start] = (await readFile(path, 'utf8').catch(() => '')).split(' ')
    if (pid && (await startOf(Number(pid))) === start) {
      throw conflict(
        `Another server (process ${pid}) works in ${folder}. Stop it, or choose another folder with --data.`,
        { pid: Number(pid), folder },
      )
    }
    if (attempt > 3) throw conflict(`${path} cannot be taken.`, { folder })
    await rm(path, { force: true })
  }
}

/** When a process was started, in clock ticks since boot, so that a reused number is not mistaken; empty when it is gone. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  if (stat !== '') {
    // The second field is the program's name in brackets and may hold anything; the state follows it, then the rest.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Dead, and its parent has not looked yet.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '')
  }
  try {
    process.kill(pid, 0)
    return 'alive'
  } catch {
    return ''
  }
}
