import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The server has the first core to itself, the client the last: neither takes from the other. */
export function pin(pid: number, role: Role): void {
  execFileSync('taskset', ['-acp', coreOf(role), String(pid)])
}

/** The command that runs another on the core of its role, and all that it starts. */
export const pinned = (role: Role, command: readonly string[]): [string, ...string[]] => [
  'taskset',
  '-c',
  coreOf(role),
  ...command,
]

type Role = 'server' | 'client'

const coreOf = (role: Role): string => (role === 'server' ? '0' : String(availableParallelism() - 1))

/** What the kernel has counted of a process and those that it has waited for, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickMs
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10

/** What a process holds and nobody else does, in bytes. */
export const privateBytes = (pid: number): number =>
  [...readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1').matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce(
    (sum, [, kib]) => sum + Number(kib) * 1_024,
    0,
  )
