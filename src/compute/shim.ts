import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import { interpreterOf } from './interpreter.ts'
import { identify, type ProcessIdentity } from './processes.ts'
import { createZygote } from './zygote.ts'

/**
 * The process that holds an attempt and outlives the server: `shim/`. It is begun in two steps, so that nothing
 * runs of which nobody has noted where: first the process, which waits; then, its name being noted, what it is to do. One
 * whose connection ends before it was told everything ends too.
 */

/** What a shim is told. Times in milliseconds, sizes in bytes. */
export interface ShimSpec {
  /** Where its last word will stand. */
  readonly folder: string
  readonly log: string
  /** How long the log may be, with what stands in it already. */
  readonly logMax: number
  readonly cwd: string
  readonly command: readonly string[]
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>
  /** The entry of `env` by which its processes are found, wherever they have gone. */
  readonly mark: string
  /** Texts that the log must not show. */
  readonly mask: readonly string[]
  readonly graceMs: number
  readonly timeoutMs: number
  /** Whether the command begins with a wrapper, which is not to be asked to end. */
  readonly isWrapped: boolean
  readonly limits: Limits
}

/** What a task may use at most. */
export interface Limits {
  /** All its processes together, resident. */
  readonly memoryBytes?: number | undefined
  /** Each file that it writes. */
  readonly fileBytes?: number | undefined
  /** What its folder may grow by. */
  readonly diskBytes?: number | undefined
  /** At once, threads included. */
  readonly processes?: number | undefined
  readonly cpus?: number | undefined
  /** Folder of a cgroup in which one is made for it, that keeps memory, processes and CPUs. Without it they are looked after. */
  readonly cgroup?: string | undefined
}

/** How the command ended. */
export const ShimExit = z.object({
  code: z.int().nullable(),
  signal: z.string().nullable(),
  /** `succeeded`, `exit`, `signal`, `out_of_memory`, `too_many_processes`, `out_of_disk`; or why the shim has ended it: `stopped`, `timeout`, `unwanted`. */
  cause: z.string(),
  pid: z.int(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  peakRssBytes: z.int(),
})
export type ShimExit = z.output<typeof ShimExit>

/** A shim that waits. */
interface Waiting {
  readonly process: ProcessIdentity
  /** Resolves when it is gone. */
  readonly gone: Promise<void>
  begin(spec: ShimSpec): void
  /** Ends it; it has begun nothing. */
  abandon(): void
  /** Lets this process end before it does. */
  leave(): void
}

export interface Shims {
  start(folder: string): Promise<Waiting>
  /** Ends what starts them, not them. The next start begins it again. */
  stop(): void
}

/** Starts shims with the Python of this name. */
export function createShims({ python, path }: { python: string; path?: string | undefined }): Shims {
  const interpreter = interpreterOf({ python, path })
  const zygote = createZygote(() =>
    interpreter().catch((error: unknown) => {
      throw noPython(python, error)
    }),
  )

  return {
    async start(folder) {
      const { pid, line } = await zygote.fork(folder)
      return {
        process: (await identify(pid)) ?? { pid, startTime: '', boot: '', space: '' },
        gone: new Promise(resolve => line.once('close', () => resolve())),
        begin: spec => void line.end(encodeSpec(spec)),
        abandon: () => void line.destroy(),
        leave: () => line.unref(),
      }
    },
    stop: zygote.stop,
  }
}

const noPython = (python: string, error: unknown): TrainyardError =>
  new TrainyardError(
    'unavailable',
    `Tasks need Python 3.8 or later, and ${python} cannot be started. See the setting python.`,
    {
      python,
      why: messageOf(error).slice(0, 500),
    },
  )

/** What the shim has left as its last word; undefined when it has none. */
export async function lastWord(folder: string): Promise<ShimExit | undefined> {
  const text = await readFile(join(folder, 'exit.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : ShimExit.parse(JSON.parse(text))
}

const limitNames = {
  memory: 'memoryBytes',
  fileSize: 'fileBytes',
  disk: 'diskBytes',
  processes: 'processes',
  cpus: 'cpus',
  cgroup: 'cgroup',
} as const satisfies Readonly<Record<string, keyof Limits>>

/** `name NUL value NUL` pairs, closed by `end`. */
export function encodeSpec(spec: ShimSpec): string {
  const pairs = [
    ...(['folder', 'log', 'logMax', 'cwd', 'mark', 'graceMs', 'timeoutMs'] as const).map(name => [name, spec[name]]),
    ...(spec.isWrapped ? [['wrapped', '1']] : []),
    ...Object.entries(limitNames).flatMap(([name, of]) =>
      spec.limits[of] === undefined ? [] : [[name, spec.limits[of]]],
    ),
    ...spec.command.map(value => ['arg', value]),
    ...spec.mask.map(value => ['mask', value]),
    ...Object.entries(spec.env).map(([name, value]) => ['env', `${name}=${value}`]),
    ['end', ''],
  ]
  const broken = pairs.find(([, value]) => String(value).includes('\0'))
  if (broken)
    throw invalid('A program cannot be given text with U+0000.', [
      { field: String(broken[0]), value: String(broken[1]).slice(0, 200), allowed: 'text without U+0000' },
    ])
  return pairs
    .flat()
    .map(part => `${part}\0`)
    .join('')
}
