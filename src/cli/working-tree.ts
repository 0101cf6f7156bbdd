import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/** Where a folder stands in git: its commit, and how its files differ from it. */
export interface WorkingTree {
  readonly commit: string
  /** A unified diff; empty when there is no difference. */
  readonly diff: string
}

const diffBytesMax = 16 * 1024 * 1024

/**
 * Undefined outside git, before the first commit, and without a git program. Files that git does not know yet are in
 * the diff, those that it ignores are not; the user's index is not touched: what is added goes to one of its own.
 */
export async function workingTree(folder: string): Promise<WorkingTree | undefined> {
  // `env` hands the rest of the environment on.
  const git = async (args: readonly string[], own: readonly string[] = []): Promise<string> =>
    (await promisify(execFile)('env', [...own, 'git', ...args], { cwd: folder, maxBuffer: diffBytesMax })).stdout
  const scratch = await mkdtemp(join(tmpdir(), 'trainyard-index-'))
  try {
    const commit = (await git(['rev-parse', '--verify', 'HEAD^{commit}'])).trim()
    const objects = resolve(folder, (await git(['rev-parse', '--git-path', 'objects'])).trim())
    const own = [
      `GIT_INDEX_FILE=${join(scratch, 'index')}`,
      `GIT_OBJECT_DIRECTORY=${scratch}`,
      `GIT_ALTERNATE_OBJECT_DIRECTORIES=${objects}`,
    ]
    await git(['read-tree', commit], own)
    await git(['add', '--all', '.'], own)
    return { commit, diff: await git(['diff', '--cached', '--binary', '--no-color', '--no-ext-diff', commit], own) }
  } catch {
    return undefined
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
