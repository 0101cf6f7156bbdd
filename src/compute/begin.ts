import { hostname } from 'node:os'
import { crashPoint } from '#kernel/crash-point.ts'
import type { Blobs } from '#storage'
import { thisHost, type Attempt } from '#workflow'
import { createCgroupCheck } from './cgroup.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Containers } from './container.ts'
import { environmentKinds } from '#project'
import type { Environments } from './environments.ts'
import type { Environment } from './environment.ts'
import type { Mlflow, MlflowAccess } from './mlflow-access.ts'
import type { Gpus } from './gpu.ts'
import type { Isolation } from './isolation.ts'
import type { LocalHandle } from './handle.ts'
import { sizeOf } from './log-sink.ts'
import type { Limits, Shims, ShimSpec } from './shim.ts'
import { commandOf, markName, variablesOf } from './task-environment.ts'
import { linkModules, prepareFolder, type WorkFolder } from './work-folder.ts'

interface Deps {
  readonly blobs: Blobs
  readonly environments: Environments
  readonly checkpoints: Checkpoints
  readonly gpus: Gpus
  readonly shims: Shims
  readonly mlflow?: Mlflow
  /** The platform's PATH. */
  readonly path: string | undefined
  readonly graceMs: number
  readonly isolation: Isolation
  readonly containers: Containers
  readonly limits: Limits
}

/** An attempt that runs. */
export interface Begun {
  readonly handle: LocalHandle
  /** Resolves when its shim is gone. */
  readonly gone: Promise<void>
  /** Lets this process end before it does. */
  leave(): void
}

/** The shim is the second to look at the clock: whoever follows it is the first. */
const backstopMs = 2_000

export function createBeginner(deps: Deps): (attempt: Attempt, root: string) => Promise<Begun> {
  const { blobs, checkpoints, gpus, shims, mlflow } = deps
  const requireCgroup = createCgroupCheck(deps.limits)

  /** Everything that stands before the command does. */
  async function prepare(attempt: Attempt, root: string) {
    await requireCgroup()
    const folder = await prepareFolder(blobs, root, attempt)
    if (attempt.spec.checkpoint) await checkpoints.restore(attempt, folder.checkpoint)
    const environments = await environmentsOf(deps.environments, attempt, root)
    for (const { modules } of environments) if (modules) await linkModules(folder, modules)
    const gpuNames = await gpus.names()
    attempt.record({
      host: { ...thisHost(), ...(gpuNames.length > 0 && { gpus: [...gpuNames] }) },
      ...(attempt.devices && attempt.devices.length > 0 && { devices: [...attempt.devices] }),
    })
    const access = await mlflow?.open(attempt)
    const env = { ...access?.variables, ...variablesOf(deps.path, { attempt, folder, environments }) }
    const command = await wrapped(deps, attempt, { folder, names: Object.keys(env) })
    attempt.signal.throwIfAborted()
    return { folder, environments, ...command, env, access }
  }

  /** Makes ready what an attempt needs in the folder `root`, and begins its command once it is noted where it is. */
  return async (attempt, root) => {
    const prepared = await prepare(attempt, root)
    const token = prepared.access?.token
    const shim = await shims.start(root)
    try {
      crashPoint('compute.spawned')
      const handle: LocalHandle = {
        executor: 'local',
        host: hostname(),
        process: shim.process,
        folder: root,
        log: attempt.logFile.path,
        logFrom: await sizeOf(attempt.logFile.path),
        environments: prepared.environments.map(({ digest }) => digest),
        token: token?.id ?? null,
      }
      await attempt.started(handle)
      attempt.signal.throwIfAborted()
      crashPoint('compute.noted')
      shim.begin(specOf(deps, attempt, prepared))
      crashPoint('compute.begun')
      return { handle, gone: shim.gone, leave: shim.leave }
    } catch (error) {
      shim.abandon()
      if (token) await mlflow!.close(token.id)
      throw error
    }
  }
}

/** A container keeps a task from the machine as well as bubblewrap does. */
async function wrapped(
  { isolation, containers }: Deps,
  attempt: Attempt,
  { folder, names }: { folder: WorkFolder; names: readonly string[] },
): Promise<{ command: readonly string[]; isWrapped: boolean }> {
  const command = await commandOf(attempt, folder)
  return attempt.spec.image === undefined
    ? isolation.wrap(command, folder.root)
    : { command: containers.wrap(command, attempt, folder, names), isWrapped: true }
}

interface Prepared {
  readonly folder: WorkFolder
  readonly environments: readonly Environment[]
  readonly command: readonly string[]
  readonly isWrapped: boolean
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>
  readonly access: MlflowAccess | undefined
}

const specOf = (
  { graceMs, limits }: Deps,
  attempt: Attempt,
  { folder, command, isWrapped, env, access }: Prepared,
): ShimSpec => ({
  folder: folder.root,
  log: attempt.logFile.path,
  logMax: attempt.logFile.bytesMax,
  cwd: folder.code,
  command,
  env,
  mark: `${markName}=${attempt.id}`,
  mask: [...attempt.secrets.mask, ...(access?.token ? [access.token.secret] : [])],
  graceMs,
  timeoutMs: attempt.timeoutMs + backstopMs,
  isWrapped,
  limits,
})

/** Each is noted before it is built: also of one that cannot be built it is to be seen which one it is. */
async function environmentsOf(
  environments: Environments,
  { spec, code, signal, log, record }: Attempt,
  holder: string,
): Promise<readonly Environment[]> {
  const [named, ready]: [Environment[], Environment[]] = [[], []]
  record({ environments: [] })
  const request = {
    code,
    holder,
    signal,
    log,
    named(environment: Environment) {
      named.push(environment)
      record({ environments: named.map(({ path: _, modules: __, ...facts }) => facts) })
    },
  }
  for (const kind of environmentKinds) {
    const lock = spec.environment?.[kind]
    if (lock !== undefined) ready.push(await environments.use({ ...request, kind, lock }))
  }
  return ready
}
