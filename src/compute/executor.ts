import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Blobs } from '#storage'
import type { AttemptId, Executor } from '#workflow'
import { createBeginner } from './begin.ts'
import type { Checkpoints } from './checkpoints.ts'
import { conclude } from './conclude.ts'
import { createContainers } from './container.ts'
import { createEnvironments, environmentFolder, type Environments } from './environments.ts'
import { nvidiaGpus } from './gpu.ts'
import { LocalHandle } from './handle.ts'
import { createIsolation, type Isolation, type IsolationKind } from './isolation.ts'
import { isHere, killMarked, processesMarked } from './processes.ts'
import { createResourceMeter } from './resources.ts'
import { createShims, type Limits } from './shim.ts'
import { markName } from './task-environment.ts'
import { sweep } from './work-folder.ts'
import type { Mlflow } from './mlflow-access.ts'

/** Runs users' code in processes of this machine, which outlive this one. */
export interface LocalExecutor extends Executor {
  readonly environments: Environments
  /** Removes work folders and environments that are older than their retention. Returns how many. Also happens every ten minutes. */
  sweep(): Promise<number>
  /** Why tasks are not isolated as the settings ask; undefined when they are. */
  isolationObstacle(): Promise<string | undefined>
  /** Ends the regular sweep, and the process that starts shims. Attempts are ended, or left, through their signals. */
  stop(): void
}

export interface LocalExecutorDeps {
  readonly blobs: Blobs
  readonly checkpoints: Checkpoints
  /** Work folders are in `work`, environments in `environments` below it. */
  readonly dataFolder: string
  readonly clock: Clock
  /** The Python that tasks are held by, and environments are built with. */
  readonly python: string
  /** The platform's own environment. Tasks get its PATH and nothing else. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workRetentionMs: number
  /** How long an environment is kept that nothing uses. */
  readonly environmentRetentionMs: number
  /** Variables by which a client of MLflow in the task's code finds this platform and the task's own tracking run. */
  readonly mlflow?: Mlflow
  /** Between TERM and KILL. */
  readonly graceMs: number
  /** None when left out. */
  readonly isolation?: IsolationKind
  /** Folders beside the data folder that no isolated task may see: blobs, logs. */
  readonly hidden?: readonly string[]
  readonly limits?: Limits
}

const sweepMs = 600_000

export function localExecutor(deps: LocalExecutorDeps): LocalExecutor {
  const { dataFolder, clock } = deps
  const work = join(dataFolder, 'work')
  const path = deps.env['PATH']
  const gpus = nvidiaGpus(path)
  const isolation = isolationOf(deps)
  const environments = createEnvironments({ ...deps, isolation })
  const shims = createShims({ python: deps.python, path })
  const begin = createBeginner({
    ...deps,
    path,
    gpus,
    environments,
    shims,
    isolation,
    containers: createContainers({ env: deps.env, limits: deps.limits ?? {} }),
    limits: deps.limits ?? {},
  })
  const following = { ...deps, meter: createResourceMeter({ clock, gpus }) }
  const inUse = new Set<string>()

  async function keeping<T>(root: string, work: () => Promise<T>): Promise<T> {
    inUse.add(root)
    try {
      return await work()
    } finally {
      inUse.delete(root)
      await environments.release(root)
    }
  }

  const executor: LocalExecutor = {
    environments,

    execute(attempt) {
      const root = join(work, attempt.id)
      return keeping(root, async () => {
        const begun = await begin(attempt, root)
        return conclude(following, attempt, begun).finally(begun.leave)
      })
    },

    adopt(attempt, given) {
      const handle = LocalHandle.parse(given)
      return keeping(handle.folder, async () => {
        await environments.hold(handle.folder, handle.environments)
        return conclude(following, attempt, { handle })
      })
    },

    async canReach(given) {
      const { process: shim, folder } = LocalHandle.parse(given)
      // In this folder only processes of this platform's own have worked, which a restart of the machine has ended.
      return folder.startsWith(work) || isHere(shim)
    },

    async reap(live) {
      const found = (await processesMarked(markName)).filter(({ home }) => home.startsWith(work))
      const ids = [...new Set(found.map(({ mark }) => mark as AttemptId))]
      if (ids.length === 0) return
      const wanted = await live(ids)
      await killMarked(markName, new Set(ids.filter(id => !wanted.has(id))))
    },

    async sweep() {
      await deps.checkpoints.sweep()
      const folders = await sweep(work, { clock, retentionMs: deps.workRetentionMs, inUse })
      return folders + (await environments.sweep(deps.environmentRetentionMs)).length
    },
    isolationObstacle: () => isolation.obstacle(),
    stop() {
      clearInterval(timer)
      shims.stop()
    },
  }
  const timer = setInterval(() => void executor.sweep().catch(() => {}), sweepMs).unref()
  return executor
}

const isolationOf = ({ isolation: kind = 'none', hidden = [], dataFolder, env }: LocalExecutorDeps): Isolation =>
  createIsolation({
    kind,
    path: env['PATH'],
    hidden: [dataFolder, ...hidden],
    readable: [environmentFolder(dataFolder)],
  })
