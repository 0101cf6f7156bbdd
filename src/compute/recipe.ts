import { posix } from 'node:path'
import { digestOfJson, type Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { readTree, type Blobs, type Tree } from '#storage'

/** What an environment is made of; its digest is its name. */
export interface Recipe {
  readonly kind: 'node' | 'python'
  /** Path of the lock file in the code. */
  readonly lock: string
  readonly lockDigest: Digest
  readonly digest: Digest
  /** Version of the interpreter. */
  readonly runtime: string
  /** Files to build from, by their name in the environment's folder. */
  readonly files: Readonly<Record<string, Digest>>
}

interface Wanted {
  readonly code: Digest | undefined
  readonly kind: Recipe['kind']
  readonly lock: string
}

const lockNames = { node: 'package-lock.json', python: 'requirements.lock' } as const

/** Throws `invalid` when the code has no such file, or not what belongs to it. */
export async function recipeOf(blobs: Blobs, { code, kind, lock }: Wanted, runtime: string): Promise<Recipe> {
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
    lockDigest: files[lockNames[kind]]!,
    runtime,
    files,
    digest: digestOfJson({ kind, files, runtime, platform: process.platform, architecture: process.arch }),
  }
}
