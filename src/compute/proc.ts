import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'

/** What /proc says of the processes of a session [proc(5)]. Linux only. */

/** What a process and the children that it has waited for have used so far, and what it holds now. */
export interface ProcessUse {
  readonly cpuSeconds: number
  readonly rssBytes: number
  /** The most it ever held. */
  readonly peakBytes: number
  readonly threads: number
  readonly readBytes: number
  readonly writtenBytes: number
}

/** Linux counts time in ticks of 10 ms for readers, whatever the kernel's own is [proc(5), sysconf(_SC_CLK_TCK)]. */
const ticksPerSecond = 100
const kib = 1024

export interface ProcTable {
  /** The live processes of a session but the one that leads it; those of sessions made since the last look included. */
  members(session: number): readonly number[]
  /** The pid namespace of a container [pid_namespaces(7)] one of whose processes has this variable: `NAME=value`. */
  containerOf(variable: string): string | undefined
  /** The live processes of such a namespace. */
  contained(space: string): readonly number[]
}

interface Known {
  readonly session: number
  /** Empty where this user may not know it. */
  readonly space: string
}

/**
 * A look at all processes costs one system call for those that are known already: a process belongs to the session that
 * it was started in, until it makes its own, and to one pid namespace for ever.
 */
export function createProcTable(root = '/proc'): ProcTable {
  const known = new Map<number, Known>()

  function look(): ReadonlyMap<number, Known> {
    const live = new Set(pidsOf(root))
    for (const pid of known.keys()) if (!live.has(pid)) known.delete(pid)
    for (const pid of live) {
      if (known.has(pid)) continue
      const fields = statOf(root, pid)
      if (fields) known.set(pid, { session: Number(fields[3]), space: spaceOf(root, pid) })
    }
    return known
  }

  return {
    members: session =>
      [...look()].flatMap(([pid, each]) => (each.session === session && pid !== session ? [pid] : [])),

    containerOf(variable) {
      const here = spaceOf(root, 'self')
      const isMarked = (pid: number): boolean =>
        textOf(`${root}/${pid}/environ`, environmentMax)?.split('\0').includes(variable) === true
      for (const [pid, { space }] of look()) if (space !== '' && space !== here && isMarked(pid)) return space
      return undefined
    },

    contained: wanted => [...look()].flatMap(([pid, { space }]) => (space === wanted ? [pid] : [])),
  }
}

function spaceOf(root: string, pid: number | 'self'): string {
  try {
    return readlinkSync(`${root}/${pid}/ns/pid`)
  } catch {
    return ''
  }
}

/** Undefined when the process has ended, or is another user's. */
export function useOf(pid: number, root = '/proc'): ProcessUse | undefined {
  const stat = statOf(root, pid)
  const status = textOf(`${root}/${pid}/status`)
  if (!stat || status === undefined) return undefined
  const io = textOf(`${root}/${pid}/io`) ?? ''
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(stat[field]), 0)
  return {
    cpuSeconds: ticks / ticksPerSecond,
    rssBytes: numberIn(status, 'VmRSS') * kib,
    peakBytes: numberIn(status, 'VmHWM') * kib,
    threads: Number(stat[17]),
    readBytes: numberIn(io, 'read_bytes'),
    writtenBytes: numberIn(io, 'write_bytes'),
  }
}

/** The fields of /proc/pid/stat after the name, which stands in parentheses and may contain anything: 0 is field 3. */
function statOf(root: string, pid: number): readonly string[] | undefined {
  const stat = textOf(`${root}/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)

function pidsOf(root: string): readonly number[] {
  try {
    return readdirSync(root).flatMap(name => (/^\d+$/.test(name) ? [Number(name)] : []))
  } catch {
    return []
  }
}

const buffer = Buffer.allocUnsafe(8 * kib)
/** The kernel lets an environment be longer still; what a container starts with is not. */
const environmentMax = 256 * kib

/** Files of /proc are made as they are read and take microseconds: going through the thread pool costs ten times that. */
function textOf(path: string, bytesMax = buffer.length): string | undefined {
  const into = bytesMax > buffer.length ? Buffer.allocUnsafe(bytesMax) : buffer
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return into.toString('latin1', 0, readSync(file, into, 0, into.length, 0))
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
