import { access, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { digestOfJson, type Digest } from '#kernel/digest.ts'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import { readTree, type Blobs, type Tree } from '#storage'
import { describeExit, runCommand, withLines } from './command.ts'
import { killMarked } from './processes.ts'

/** Packages that a task runs with, built once from a lock file and shared by all that name the same. */
export interface Environment {
  readonly digest: Digest
  readonly kind: 'node' | 'python'
  /** The lock file: its path in the code, and its bytes. */
  readonly lock: string
  readonly lockDigest: Digest
  /** Version of the interpreter that it was built for. */
  readonly runtime: string
  /** Folders to put first on the PATH. */
  readonly path: readonly string[]
  /** A folder of node modules, and the lock file it belongs to. */
  readonly modules?: { readonly lock: string; readonly modules: string }
}

const lockNames = { node: 'package-lock.json', python: 'requirements.lock' } as const

export interface Environments {
  /**
   * The environment that these lock files of the code describe: built now, or by whoever builds it already, or long ago.
   * Throws `invalid` when the code has no such file, `task_failed` with the builder's last lines when building fails.
   */
  use(request: EnvironmentRequest): Promise<Environment>
}

interface EnvironmentRequest {
  readonly code: Digest | undefined
  readonly kind: 'node' | 'python'
  /** Path of the lock file in the code. */
  readonly lock: string
  readonly signal: AbortSignal
  log(line: string): void
}

interface Deps {
  readonly blobs: Blobs
  /** Each environment is a folder below it, named by its digest. */
  readonly folder: string
  readonly python: string
  /** The platform's own environment, of which builders get what concerns registries, proxies and certificates. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What an environment is made of; its digest is its name. */
interface Recipe {
  readonly kind: 'node' | 'python'
  readonly lock: string
  readonly digest: Digest
  /** Files to build from, by their name in the environment's folder. */
  readonly files: Readonly<Record<string, Digest>>
}

interface Build {
  readonly done: Promise<void>
  readonly controller: AbortController
  /** The logs of those who wait for it. */
  readonly waiting: Set<(line: string) => void>
}

const buildMsMax = 30 * 60_000
const graceMs = 5_000

export function createEnvironments(deps: Deps): Environments {
  const building = new Map<Digest, Build>()
  const pythonVersion = versionOnce(deps.python)

  function startBuild(recipe: Recipe, folder: string): Build {
    const controller = new AbortController()
    const waiting = new Set<(line: string) => void>()
    const log = (line: string): void => {
      for (const write of waiting) write(line)
    }
    const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(buildMsMax)])
    const done = build(deps, { recipe, folder, signal, log }).finally(() => {
      if (building.get(recipe.digest)?.controller === controller) building.delete(recipe.digest)
    })
    return { done, controller, waiting }
  }

  async function wait(build: Build, { signal, log }: EnvironmentRequest, digest: Digest): Promise<void> {
    build.waiting.add(log)
    try {
      await untilAborted(build.done, signal)
    } finally {
      build.waiting.delete(log)
      if (build.waiting.size === 0) {
        // Nobody wants it any more; whoever comes next begins anew.
        if (building.get(digest) === build) building.delete(digest)
        build.controller.abort()
      }
    }
  }

  return {
    async use(request) {
      const runtime = await (request.kind === 'python' ? pythonVersion() : process.version)
      const recipe = await recipeOf(deps.blobs, request, runtime)
      const folder = join(deps.folder, recipe.digest)
      if (!(await exists(marker(folder)))) {
        const known = building.get(recipe.digest)
        request.log(
          known
            ? `Waiting for the environment of ${request.lock}, which is being built.`
            : `Building the environment of ${request.lock}.`,
        )
        const build = known ?? startBuild(recipe, folder)
        building.set(recipe.digest, build)
        await wait(build, request, recipe.digest)
      }
      const { kind, lock, digest, files } = recipe
      const common = { kind, lock, digest, lockDigest: files[lockNames[kind]]!, runtime }
      if (kind === 'python') return { ...common, path: [join(folder, 'venv', 'bin')] }
      const modules = join(folder, 'node_modules')
      return { ...common, path: [join(modules, '.bin')], modules: { lock, modules } }
    },
  }
}

/** Written last: without it a folder is the rest of a build that was cut off. */
const marker = (folder: string): string => join(folder, '.complete')

async function recipeOf(blobs: Blobs, { code, kind, lock }: EnvironmentRequest, runtime: string): Promise<Recipe> {
  const tree: Tree = code === undefined ? {} : await readTree(blobs, code)
  const beside = kind === 'node' ? ['package.json', '.npmrc'] : []
  const paths = {
    [lockNames[kind]]: lock,
    ...Object.fromEntries(beside.map(name => [name, posix.join(posix.dirname(lock), name)])),
  }
  const required = kind === 'node' ? [lock, paths['package.json']!] : [lock]
  const missing = required.find(path => !Object.hasOwn(tree, path))
  if (missing !== undefined)
    throw invalid('The environment cannot be built.', [
      {
        field: `environment.${kind}`,
        value: lock,
        allowed: `a lock file of the repository, with what belongs to it; there is no ${missing}`,
      },
    ])
  const files = Object.fromEntries(
    Object.entries(paths).flatMap(([name, path]) => (Object.hasOwn(tree, path) ? [[name, tree[path]!.digest]] : [])),
  )
  return {
    kind,
    lock,
    files,
    digest: digestOfJson({ kind, files, runtime, platform: process.platform, architecture: process.arch }),
  }
}

/** The variable by which builders are found. */
const markName = 'TRAINYARD_ENVIRONMENT'

async function build(
  deps: Deps,
  { recipe, folder, signal, log }: { recipe: Recipe; folder: string; signal: AbortSignal; log(line: string): void },
): Promise<void> {
  // A builder that outlived the process which had started it would write into the same folder.
  await killMarked(markName, new Set([folder]))
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'node_modules'), { recursive: true })
  for (const [name, digest] of Object.entries(recipe.files))
    await copyFile(await deps.blobs.path(digest), join(folder, name))
  const env = { ...builderEnv(deps.env), [markName]: folder }
  for (const [file, ...args] of stepsOf(recipe.kind, deps.python)) {
    log(`$ ${[file, ...args].join(' ')}`)
    const exit = await runCommand({ file: file!, args, cwd: folder, env, signal, graceMs, onLine: log }).catch(
      (error: unknown) => {
        throw new TrainyardError(
          'task_failed',
          `The environment of ${recipe.lock} cannot be built: ${messageOf(error)}.`,
          { cause: { kind: 'environment' } },
        )
      },
    )
    signal.throwIfAborted()
    if (exit.code !== 0)
      throw new TrainyardError(
        'task_failed',
        withLines(`The environment of ${recipe.lock} cannot be built: ${file} ${describeExit(exit)}.`, exit.lines),
        { cause: { kind: 'environment', code: exit.code } },
      )
  }
  await writeFile(marker(folder), '')
}

/** Exact versions with hashes only, and no package may run code while it is installed. */
const stepsOf = (kind: Recipe['kind'], python: string): readonly (readonly string[])[] =>
  kind === 'node'
    ? [['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', '.']]
    : [
        [python, '-m', 'venv', 'venv'],
        [
          join('venv', 'bin', 'python'),
          '-m',
          'pip',
          'install',
          '--no-input',
          '--require-hashes',
          '-r',
          'requirements.lock',
        ],
      ]

const passedOn =
  /^(?:PATH|HOME|LANG|npm_config_.*|PIP_.*|PYENV_.*|SSL_.*|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:https?|no|all)_proxy)$/i
/** Said by an npm that runs the platform about the platform's own folder. */
const ofThisPackage = /^npm_config_(?:local_prefix|prefix)$/i

function builderEnv(env: Deps['env']): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== undefined && passedOn.test(name) && !ofThisPackage.test(name),
  )
  return Object.fromEntries(entries) as Record<string, string>
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

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason as Error)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  // When the other is first, nobody listens to this one any more.
  work.catch(() => {})
  aborted.promise.catch(() => {})
  await Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
