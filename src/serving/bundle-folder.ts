import { readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import { checkoutTree, type Blobs } from '#storage'
import { BundleManifest, manifestFile, pythonLink } from './bundle.ts'
import { bundleFolder, readJsonFile, type RoutesFile } from './routes-file.ts'

/** The Pythons that workers run in. */
export interface Interpreters {
  /**
   * The path of a Python with exactly the packages of a lock file of the tree, built if it is not there yet; of the
   * platform's own Python without one. It stays as long as this process runs. Throws `task_failed` when it cannot be built.
   */
  use(request: {
    readonly tree: Digest
    readonly lock: string | undefined
    readonly signal?: AbortSignal
    log?(line: string): void
  }): Promise<string>
}

export interface CheckoutParts {
  readonly blobs: Blobs
  readonly interpreters: Interpreters
  /** The model server's folder. */
  readonly folder: string
}

/** Puts a bundle's files where the model server reads them: a folder that is there is whole. */
export async function checkOut({ blobs, folder }: Omit<CheckoutParts, 'interpreters'>, bundle: Digest): Promise<void> {
  const target = bundleFolder(folder, bundle)
  if (await stat(target).catch(() => undefined)) return
  const beside = `${target}.${process.pid}.new`
  await rm(beside, { recursive: true, force: true })
  await checkoutTree(blobs, bundle, beside)
  await rename(beside, target)
}

/** Makes the Python of a bundle that is checked out, where it has one, and links it where the model server looks. */
export async function linkPython({ folder, interpreters }: CheckoutParts, bundle: Digest): Promise<void> {
  const target = bundleFolder(folder, bundle)
  const manifest = await readJsonFile(join(target, manifestFile), BundleManifest)
  if (manifest?.runtime.kind !== 'python') return
  const python = await interpreters.use({ tree: bundle, lock: manifest.runtime.lock })
  const link = join(target, pythonLink)
  if ((await readlink(link).catch(() => undefined)) === python) return
  await rm(link, { force: true })
  await symlink(python, link)
}

/** Deletes the bundles that no route names: they stand in the blobs, should one be wanted again. */
export async function removeOtherBundles(folder: string, { deployments }: RoutesFile): Promise<void> {
  const kept = new Set<string>(deployments.flatMap(({ revisions }) => revisions.map(({ bundle }) => bundle)))
  const root = bundleFolder(folder, '')
  for (const bundle of await readdir(root).catch(() => [])) {
    if (!kept.has(bundle)) await rm(join(root, bundle), { recursive: true, force: true })
  }
}
