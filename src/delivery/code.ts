import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { loadProjectFolder, parseProjectFile, type ProjectFile, type TaskSpec } from '#project'
import { checkoutTree, putTree, readTree, type Blobs } from '#storage'
import type { DeliveryParts } from './parts.ts'

/** Stores the files of a commit as a tree. The same commit always is the same tree. */
export function snapshot(
  { repositories, blobs, workFolder }: Pick<DeliveryParts, 'repositories' | 'blobs' | 'workFolder'>,
  project: string,
  commit: string,
): Promise<Digest> {
  return inTemporaryFolder(workFolder, async folder => {
    await repositories.checkout(project, commit, folder)
    return putTree(blobs, folder)
  })
}

/** The project file in a tree, checked, which must be that of the project. */
export function readProjectFile(
  { blobs, workFolder }: Pick<DeliveryParts, 'blobs' | 'workFolder'>,
  project: string,
  code: Digest,
): Promise<ProjectFile> {
  return inTemporaryFolder(workFolder, async folder => {
    await checkoutTree(blobs, code, folder)
    const spec = parseProjectFile(await loadProjectFolder(folder))
    if (spec.name === project) return spec
    throw invalid('The repository has the project file of another project.', [
      { field: 'name', value: spec.name, allowed: `${project}, whose repository this is` },
    ])
  })
}

/** The environment that a tree's own lock files ask for. */
export async function environmentOf(blobs: Blobs, code: Digest): Promise<TaskSpec['environment']> {
  const tree = await readTree(blobs, code)
  const found = Object.entries(lockFiles).filter(([, path]) => Object.hasOwn(tree, path))
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

const lockFiles = { node: 'package-lock.json', python: 'requirements.lock' } as const

async function inTemporaryFolder<Result>(parent: string, work: (folder: string) => Promise<Result>): Promise<Result> {
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'delivery-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
