import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** What Linux says about processes in /proc. Elsewhere nothing is known, and nothing is killed that is not known. */

/** Enough to know a process again: a pid alone is given to another process some time later. */
export const ProcessIdentity = z.object({
  pid: z.int(),
  /** Clock ticks after boot [proc(5), /proc/pid/stat, field 22]. */
  startTime: z.string(),
  boot: z.string(),
  /** Which count of pids is meant [pid_namespaces(7)]: containers on one machine have one boot and many counts. */
  space: z.string(),
})
export type ProcessIdentity = z.output<typeof ProcessIdentity>

/** Undefined when there is no such process. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await textOf(`/proc/${pid}/stat`)
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
  // The name, field 2, stands in parentheses and may itself contain anything.
  const startTime = fields[18]
  const { boot, space } = await here()
  return startTime === undefined || state === 'Z' || boot === undefined ? undefined : { pid, startTime, boot, space }
}

/** Whether it still runs. Only to be asked where it is known: see {@link isHere}. */
export async function isAlive(one: ProcessIdentity): Promise<boolean> {
  const now = await identify(one.pid)
  return now !== undefined && now.startTime === one.startTime && isSamePlace(now, one)
}

/** Whether a process of that name would be seen from here. */
export const isHere = async (one: ProcessIdentity): Promise<boolean> => isSamePlace(await here(), one)

/** Whether this machine has not been started again since: what was written before may not have reached the disk. */
export const isThisBoot = async ({ boot }: ProcessIdentity): Promise<boolean> => (await here()).boot === boot

const isSamePlace = (one: Place, other: ProcessIdentity): boolean =>
  one.boot === other.boot && one.space === other.space

interface Place {
  readonly boot: string | undefined
  readonly space: string
}

let place: Promise<Place> | undefined

/** As long as this process lives it stays the same. */
const here = (): Promise<Place> => (place ??= look())

async function look(): Promise<Place> {
  return {
    boot: (await textOf('/proc/sys/kernel/random/boot_id'))?.trim(),
    space: await readlink('/proc/self/ns/pid').catch(() => ''),
  }
}

/** Signals a process, if it is still the one that was meant. */
export async function signalProcess(one: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (await isAlive(one)) send(one.pid, signal)
}

/** Signals a process group that this process has made; a group without members is no error. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => send(-pid, signal)

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** The processes that were started with a variable of this name, whatever group or parent they have by now. */
export async function processesMarked(name: string): Promise<readonly Marked[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter(entry => /^\d+$/.test(entry)).map(Number)
  const found: Marked[] = []
  for (const pid of pids.filter(other => other !== process.pid)) {
    const environment = (await textOf(`/proc/${pid}/environ`))?.split('\0') ?? []
    const valueOf = (wanted: string): string | undefined =>
      environment.find(entry => entry.startsWith(`${wanted}=`))?.slice(wanted.length + 1)
    const mark = valueOf(name)
    if (mark !== undefined) found.push({ pid, mark, home: valueOf('HOME') ?? '', path: valueOf('PATH') ?? '' })
  }
  return found
}

interface Marked {
  readonly pid: number
  readonly mark: string
  readonly home: string
  readonly path: string
}

/** Kills every process whose variable of this name has one of these values: they are nobody else's. */
export async function killMarked(name: string, marks: ReadonlySet<string>): Promise<void> {
  if (marks.size === 0) return
  // What is killed may have started another since it was looked.
  for (let look = 0; look < looksMax; look++) {
    const found = (await processesMarked(name)).filter(({ mark }) => marks.has(mark))
    if (found.length === 0) return
    for (const { pid } of found) send(pid, 'SIGKILL')
    await sleep(lookPauseMs)
  }
}

const looksMax = 50
const lookPauseMs = 10

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

/** No such process; or, on macOS, one that has ended and was not yet waited for. */
const isGone = (error: unknown): boolean => ['ESRCH', 'EPERM'].includes(String((error as NodeJS.ErrnoException).code))
