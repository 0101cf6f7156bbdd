import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isLoopback } from '#http/origin.ts'
import type { Config } from '#kernel/config.ts'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { packageRoot } from '#kernel/place.ts'

/** What stands between a task and the machine beyond its process group: see docs/operate.md. */
export type IsolationKind = 'none' | 'bubblewrap' | 'auto'

/** Who alone reaches a server owns what its tasks could read; of one that others reach, others start the tasks. */
export const isolationKind = ({ isolation, host }: Pick<Config, 'isolation' | 'host'>): IsolationKind =>
  isolation || (isLoopback(host) ? 'none' : 'auto')

/** What to do when it does not work. */
export const isolationRemedy =
  'Code of whoever may start a task can read what the server can: install bubblewrap and allow user namespaces, or say --isolation none.'

export interface Isolation {
  /** Wraps a command of an attempt whose folder is `root`. */
  wrap(command: readonly string[], root: string): Promise<{ command: readonly string[]; isWrapped: boolean }>
  /** How commands are wrapped that fill a folder, in which they stand; undefined when they are not. */
  builder(folder: string): Promise<((command: readonly string[]) => readonly string[]) | undefined>
  /** Why what was asked for does not work on this machine; undefined when it does, or nothing was asked for. */
  obstacle(): Promise<string | undefined>
}

interface Deps {
  readonly kind: IsolationKind
  /** Where `bwrap` is looked for. */
  readonly path: string | undefined
  /** Folders of the platform that no task may see. */
  readonly hidden: readonly string[]
  /** Folders in them that every task may read. */
  readonly readable: readonly string[]
  /** Whether it reaches what the machine reaches, or nothing but itself. The machine's when left out. */
  readonly network?: 'machine' | 'none'
}

const devices = [
  '/dev/nvidiactl',
  '/dev/nvidia-uvm',
  '/dev/dri',
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => `/dev/nvidia${n}`),
]
/** The platform's own code, and the Node it runs under: they may lie in a folder that is hidden. */
const own = [fileURLToPath(packageRoot), dirname(process.execPath)]

/**
 * Bubblewrap: the machine read-only, processes, IPC and host name of its own, an empty /tmp, and of the platform's folders
 * only the attempt's own, in which what it was given is read-only. The network is the machine's unless said.
 */
export function createIsolation({ kind, hidden, readable, ...deps }: Deps): Isolation {
  const { path = '/usr/local/bin:/usr/bin:/bin', network = 'machine' } = deps
  const machine = (): readonly string[] =>
    [
      // Without its capabilities root cannot mount the machine again, writable.
      ['--die-with-parent', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--cap-drop', 'ALL'],
      network === 'none' ? ['--unshare-net'] : [],
      ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
      devices.flatMap(device => ['--dev-bind-try', device, device]),
      hidden.filter(folder => existsSync(folder)).flatMap(folder => ['--tmpfs', folder]),
      [...own, ...readable].flatMap(folder => ['--ro-bind-try', folder, folder]),
    ].flat()
  const attempt = (root: string): readonly string[] =>
    [
      ['--bind', root, root, '--ro-bind-try', join(root, 'inputs'), join(root, 'inputs')],
      ['--chdir', join(root, 'code'), '--'],
    ].flat()
  let probed: Promise<string | undefined> | undefined
  const obstacle = async (): Promise<string | undefined> =>
    kind === 'none'
      ? undefined
      : (probed ??= promisify(execFile)('bwrap', [...machine(), '--', 'true'], { env: { PATH: path } }).then(
          () => undefined,
          (error: unknown) => messageOf(error).slice(0, 500),
        ))

  async function isOn(): Promise<boolean> {
    const why = await obstacle()
    if (kind === 'none' || (kind === 'auto' && why !== undefined)) return false
    if (why === undefined) return true
    throw new TrainyardError('unavailable', 'Tasks are to be isolated by bubblewrap, which does not work here.', {
      why,
    })
  }

  return {
    obstacle,
    async wrap(command, root) {
      if (!(await isOn())) return { command, isWrapped: false }
      return { command: ['bwrap', ...machine(), ...attempt(root), ...command], isWrapped: true }
    },
    async builder(folder) {
      if (!(await isOn())) return undefined
      return command => ['bwrap', ...machine(), '--bind', folder, folder, '--chdir', folder, '--', ...command]
    },
  }
}
