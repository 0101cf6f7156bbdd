import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { packageRoot } from '#kernel/place.ts'

/** What stands between a task and the machine beyond its process group: see docs/operate.md. */
export type IsolationKind = 'none' | 'bubblewrap' | 'auto'

/** Wraps a command of an attempt whose folder is `root`. */
export interface Isolation {
  wrap(command: readonly string[], root: string): Promise<{ command: readonly string[]; isWrapped: boolean }>
}

interface Deps {
  readonly kind: IsolationKind
  /** Where `bwrap` is looked for. */
  readonly path: string | undefined
  /** Folders of the platform that no task may see. */
  readonly hidden: readonly string[]
  /** Folders in them that every task may read. */
  readonly readable: readonly string[]
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
 * only the attempt's own, in which what it was given is read-only. The network is the machine's.
 */
export function createIsolation({ kind, path = '/usr/local/bin:/usr/bin:/bin', hidden, readable }: Deps): Isolation {
  const wrapper = (root: string): readonly string[] =>
    [
      ['bwrap', '--die-with-parent', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
      ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
      devices.flatMap(device => ['--dev-bind-try', device, device]),
      hidden.filter(folder => existsSync(folder)).flatMap(folder => ['--tmpfs', folder]),
      [...own, ...readable].flatMap(folder => ['--ro-bind-try', folder, folder]),
      ['--bind', root, root, '--ro-bind-try', join(root, 'inputs'), join(root, 'inputs')],
      ['--chdir', join(root, 'code'), '--'],
    ].flat()
  let works: Promise<true | string> | undefined
  const probe = (root: string): Promise<true | string> =>
    (works ??= promisify(execFile)('bwrap', [...wrapper(root).slice(1), 'true'], {
      env: { PATH: path },
    }).then(
      () => true as const,
      (error: unknown) => messageOf(error),
    ))

  return {
    async wrap(command, root) {
      const answer = kind === 'none' ? '' : await probe(root)
      if (answer === true) return { command: [...wrapper(root), ...command], isWrapped: true }
      if (kind !== 'bubblewrap') return { command, isWrapped: false }
      throw new TrainyardError('unavailable', 'Tasks are to be isolated by bubblewrap, which does not work here.', {
        why: answer.slice(0, 500),
      })
    },
  }
}
