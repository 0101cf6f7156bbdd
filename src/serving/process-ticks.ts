import { readFileSync } from 'node:fs'

/**
 * When a process was started, in kernel ticks since boot: a pid and its ticks name one process for as long as the
 * machine is up. Undefined when there is no such process, 0 on systems that do not tell [proc(5), field 22 of stat].
 */
export function processTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in parentheses, which may itself hold any character; the state follows it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return hasProc ? undefined : signalled(pid)
  }
}

/** Whether exactly this process is running. */
export const isRunning = ({ pid, ticks }: { pid: number; ticks: number }): boolean => processTicks(pid) === ticks

/** This process, for {@link isRunning}. */
export const thisProcess = (): { pid: number; ticks: number } => ({
  pid: process.pid,
  ticks: processTicks(process.pid) ?? 0,
})

const hasProc = exists('/proc/self/stat')

function exists(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch {
    return false
  }
}

function signalled(pid: number): number | undefined {
  try {
    process.kill(pid, 0)
    return 0
  } catch {
    return undefined
  }
}
