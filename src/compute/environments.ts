import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { createBuildRecords } from './build-records.ts'
import { condaInstaller, condaPath, condaVariables } from './conda-build.ts'
import type { BuildDeps } from './environment-build.ts'
import { createEnvironmentShelf, completedAt, type EnvironmentShelf } from './environment-shelf.ts'
import { createOccupancy } from './occupancy.ts'
import { recipeOf, type Recipe } from './recipe.ts'
import { createSharedBuilds, factsOf } from './shared-builds.ts'
import type { Environment } from './environment.ts'

export interface Environments extends EnvironmentShelf {
  /**
   * The environment that these lock files of the code describe: built now, or by whoever builds it already, or long ago.
   * It is kept for the holder until that is released. Throws `invalid` when the code has no such file, `task_failed` with
   * the builder's last lines when building fails.
   */
  use(request: EnvironmentRequest): Promise<Environment>
  /** Keeps environments in which something runs already. */
  hold(holder: string, digests: readonly string[]): Promise<void>
  release(holder: string): Promise<void>
}

interface EnvironmentRequest {
  readonly code: Digest | undefined
  readonly kind: Recipe['kind']
  /** Path of the lock file in the code. */
  readonly lock: string
  readonly holder: string
  readonly signal: AbortSignal
  log(line: string): void
  /** Called once it is known which one it is, before it is built. */
  named(environment: Environment): void
}

interface Deps extends BuildDeps {
  readonly clock: Clock
  readonly dataFolder: string
}

/** Each environment is a folder in it, named by its digest. */
export const environmentFolder = (dataFolder: string): string => join(dataFolder, 'environments')

export function createEnvironments(deps: Deps): Environments {
  const now = (): Millis => deps.clock.now()
  const root = environmentFolder(deps.dataFolder)
  const folderOf = (digest: string): string => join(root, digest)
  // Not in the same folder, which isolated tasks may read.
  const records = createBuildRecords(join(deps.dataFolder, 'environment-builds'), now)
  const occupancy = createOccupancy(root)
  const builds = createSharedBuilds({ ...deps, records, occupancy, now, folderOf })
  const pythonVersion = versionOnce(deps.python)

  async function runtimeOf(kind: Recipe['kind']): Promise<string> {
    if (kind === 'conda') return condaInstaller
    return kind === 'python' ? pythonVersion() : process.version
  }

  const shelf = createEnvironmentShelf({ root, records, occupancy, builds, now })

  return {
    ...shelf,

    async use(request) {
      const runtime = await runtimeOf(request.kind)
      const recipe = await recipeOf(deps.blobs, request, runtime)
      const { digest } = recipe
      const environment = environmentOf(recipe, folderOf(digest))
      request.named(environment)
      await occupancy.hold(request.holder, digest)
      const since = await completedAt(folderOf(digest))
      if (since === undefined) await builds.join(recipe, request)
      else if (!(await records.used(digest)))
        await records.write(digest, { ...factsOf(recipe), startedAt: since as Millis, endedAt: since as Millis })
      return recipe.kind === 'conda'
        ? { ...environment, variables: await condaVariables(folderOf(digest)) }
        : environment
    },

    async hold(holder, digests) {
      for (const digest of digests) await occupancy.hold(holder, digest)
    },

    async release(holder) {
      for (const digest of occupancy.release(holder)) await records.used(digest)
    },
  }
}

function environmentOf({ files: _, ...recipe }: Recipe, folder: string): Environment {
  if (recipe.kind === 'python') return { ...recipe, path: [join(folder, 'venv', 'bin')] }
  if (recipe.kind === 'conda') return { ...recipe, path: condaPath(folder) }
  const modules = join(folder, 'node_modules')
  return { ...recipe, path: [join(modules, '.bin')], modules: { lock: recipe.lock, modules } }
}

/** The interpreter's version, asked once. Throws `task_failed` when there is no such interpreter. */
function versionOnce(python: string): () => Promise<string> {
  let answer: Promise<string> | undefined
  return () => {
    answer ??= promisify(execFile)(python, ['-c', 'import sys; print(sys.version, sys.executable)']).then(
      ({ stdout }) => stdout.trim(),
      (error: unknown) => {
        answer = undefined
        throw new TrainyardError('task_failed', `There is no Python: ${messageOf(error)}`, {
          cause: { kind: 'environment' },
        })
      },
    )
    return answer
  }
}
