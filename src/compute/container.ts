import { join } from 'node:path'
import { TrainyardError } from '#kernel/error.ts'
import { findProgram } from '#kernel/program.ts'
import type { Attempt } from '#workflow'
import type { Limits } from './shim.ts'
import { markName } from './task-environment.ts'
import type { WorkFolder } from './work-folder.ts'

/** Programs that run a container as a process of this machine, by preference. Their options are the same. */
const engines = ['podman', 'docker'] as const
type Engine = (typeof engines)[number]

/** The one that there is on a PATH. */
export const containerEngine = (path?: string): Engine | undefined =>
  engines.find(name => findProgram([name], path) !== undefined)

interface Contained {
  readonly engine: Engine
  readonly folder: WorkFolder
  /** Variables that the command finds. */
  readonly names: readonly string[]
  readonly limits: Limits
  /** Who owns the attempt's folder. */
  readonly user: { readonly uid: number; readonly gid: number }
}

/**
 * A command in an image: of the machine it has the network and the attempt's folder, under the same path. Variables go by
 * name, so that nobody who lists processes reads a secret. The image's PATH is its own.
 */
export function contained(
  { id, image, devices = [] }: { id: string; image: string; devices?: readonly string[] | undefined },
  command: readonly string[],
  { engine, folder, names, limits, user }: Contained,
): readonly string[] {
  const bind = (path: string, mode: string): readonly string[] => ['--volume', `${path}:${path}:${mode}`]
  return [
    [engine, 'run', '--rm', '--init', '--name', id, '--network', 'host', '--entrypoint', ''],
    [...bind(folder.root, 'rw'), ...bind(join(folder.root, 'inputs'), 'ro'), '--workdir', folder.code],
    ownedBy(engine, user),
    names.filter(name => !ofMachine.has(name)).flatMap(name => ['--env', name]),
    ['--env', `HOME=${folder.root}`, '--env', `${markName}=${id}`],
    limits.memoryBytes === undefined ? [] : ['--memory', `${limits.memoryBytes}b`],
    limits.processes === undefined ? [] : ['--pids-limit', String(limits.processes)],
    limits.cpus === undefined ? [] : ['--cpus', String(limits.cpus)],
    devices.length === 0 ? [] : gpus(engine, devices),
    [image, ...command],
  ].flat()
}

/** The engine has its own; in the container devices are numbered anew. */
const ofMachine = new Set(['PATH', 'HOME', 'CUDA_VISIBLE_DEVICES', markName])

/** What the task writes is the server's to read and to remove. Podman of root, and of nobody else, has the machine's users. */
function ownedBy(engine: Engine, { uid, gid }: Contained['user']): readonly string[] {
  if (engine === 'docker') return ['--user', `${uid}:${gid}`]
  return uid === 0 ? [] : ['--userns', 'keep-id']
}

const gpus = (engine: Engine, devices: readonly string[]): readonly string[] =>
  engine === 'docker'
    ? ['--gpus', `"device=${devices.join(',')}"`]
    : devices.flatMap(device => ['--device', `nvidia.com/gpu=${device}`])

/** What of the server's environment an engine looks for its images and settings by. */
const passedOn = /^(?:HOME|XDG_.*|DOCKER_.*|CONTAINER_HOST|CONTAINERS_.*|REGISTRY_AUTH_FILE|(?:https?|no)_proxy)$/i

/** Puts a task's command into its image; a command without one stays as it is. */
export interface Containers {
  wrap(command: readonly string[], attempt: Attempt, folder: WorkFolder, names: readonly string[]): readonly string[]
}

export function createContainers({
  env,
  limits,
}: {
  env: Readonly<Record<string, string | undefined>>
  limits: Limits
}): Containers {
  const own = Object.entries(env).filter(([name]) => passedOn.test(name))
  return {
    wrap(command, { id, spec: { image }, devices }, folder, names) {
      if (image === undefined) return command
      const engine = containerEngine(env['PATH'])
      if (!engine)
        throw new TrainyardError('unavailable', `There is neither ${engines.join(' nor ')} on the server's PATH.`, {
          image,
        })
      const user = { uid: process.getuid!(), gid: process.getgid!() }
      const inside = contained({ id, image, devices }, command, { engine, folder, names, limits, user })
      // Its processes are the attempt's, the engine's are not: who ends the attempt leaves these to clear it away.
      return ['/usr/bin/env', '-u', markName, ...own.map(([name, value]) => `${name}=${value}`), ...inside]
    },
  }
}
