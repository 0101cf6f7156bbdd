import { posix } from 'node:path'
import { digestOfJson, type Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import type { EnvironmentKind } from '#project'
import { readTree, type Blobs, type Tree } from '#storage'

/** What an environment is made of; its digest is its name. */
export interface Recipe {
  readonly kind: EnvironmentKind
  /** Path of the lock file in the code. */
  readonly lock: string
  readonly lockDigest: Digest
  readonly digest: Digest
  /** Version of the interpreter, or of what installs conda's packages. */
  readonly runtime: string
  /** Files to build from, by their name in the environment's folder. */
  readonly files: Readonly<Record<string, Digest>>
}

interface Wanted {
  readonly code: Digest | undefined
  readonly kind: Recipe['kind']
  readonly lock: string
}

const [uvLock, pixiLock] = ['uv.lock', 'pixi.lock']
export const isOfUv = ({ files }: Pick<Recipe, 'files'>): boolean => Object.hasOwn(files, uvLock)

/** Under which name a lock file is built from, what must lie beside it in the code, and what may. */
function layoutOf({ kind, lock }: Pick<Wanted, 'kind' | 'lock'>): { name: string; needs: string[]; takes: string[] } {
  if (kind === 'node') return { name: 'package-lock.json', needs: ['package.json'], takes: ['.npmrc'] }
  if (kind === 'conda')
    return { name: posix.basename(lock) === pixiLock ? pixiLock : 'conda.lock', needs: [], takes: [] }
  if (posix.basename(lock) === uvLock) return { name: uvLock, needs: ['pyproject.toml'], takes: [] }
  return { name: 'requirements.lock', needs: [], takes: [] }
}

/** What the lock file is called in the environment's folder. */
export const lockName = (recipe: Pick<Recipe, 'kind' | 'lock'>): string => layoutOf(recipe).name

/** Throws `invalid` when the code has no such file, or not what belongs to it. */
export async function recipeOf(blobs: Blobs, { code, kind, lock }: Wanted, runtime: string): Promise<Recipe> {
  const tree: Tree = code === undefined ? {} : await readTree(blobs, code)
  const { name, needs, takes } = layoutOf({ kind, lock })
  const beside = (other: string): string => posix.join(posix.dirname(lock), other)
  const paths = { [name]: lock, ...Object.fromEntries([...needs, ...takes].map(other => [other, beside(other)])) }
  const required = [lock, ...needs.map(beside)]
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
    Object.entries(paths).flatMap(([file, path]) => (Object.hasOwn(tree, path) ? [[file, tree[path]!.digest]] : [])),
  )
  return {
    kind,
    lock,
    lockDigest: files[name]!,
    runtime,
    files,
    digest: digestOfJson({ kind, files, runtime, platform: process.platform, architecture: process.arch }),
  }
}
