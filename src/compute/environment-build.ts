import { copyFile, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TrainyardError } from '#kernel/error.ts'
import type { Blobs } from '#storage'
import { buildRoom, type BuildRoomDeps } from './build-room.ts'
import { buildStep } from './build-step.ts'
import { buildConda } from './conda-build.ts'
import { killMarked } from './processes.ts'
import { buildPython } from './python-build.ts'
import { lockName, type Recipe } from './recipe.ts'

export interface BuildDeps extends BuildRoomDeps {
  readonly blobs: Blobs
  readonly python: string
}

interface BuildOrder {
  readonly recipe: Recipe
  /** Where it is to stand. What stands there is gone. */
  readonly folder: string
  readonly signal: AbortSignal
  log(line: string): void
}

/** Written last: without it a folder is the rest of a build that was cut off. */
export const marker = (folder: string): string => join(folder, '.complete')

/** The variable by which builders are found. */
const markName = 'TRAINYARD_ENVIRONMENT'

/** Builds an environment. Answers its size in bytes; throws `task_failed` with the builder's last lines. */
export async function build(deps: BuildDeps, { recipe, folder, signal, log }: BuildOrder): Promise<number> {
  // A builder that outlived the process which had started it would write into the same folder.
  await killMarked(markName, new Set([folder]))
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'node_modules'), { recursive: true })
  for (const [name, digest] of Object.entries(recipe.files))
    await copyFile(await deps.blobs.path(digest), join(folder, name))
  const room = await buildRoom(deps, folder)
  const env = { ...room.env, [markName]: folder }
  const failed = (why: string, cause: object = {}): TrainyardError =>
    new TrainyardError('task_failed', `The environment of ${recipe.lock} cannot be built: ${why}`, {
      cause: { kind: 'environment', ...cause },
    })
  const step = buildStep({ ...room, folder, signal, log, failed })
  const parts = { python: deps.python, folder, env, step }
  if (recipe.kind === 'python') await buildPython({ ...parts, recipe, failed })
  else if (recipe.kind === 'conda') await buildConda({ ...parts, lock: lockName(recipe) })
  else await step(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', '.'], env)
  await room.clear()
  const size = await sizeOf(folder)
  await writeFile(marker(folder), '')
  return size
}

/** How many files are looked at together. */
const together = 64

/** What the files of a folder have in bytes; links count for themselves. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => !entry.isDirectory())
  let sum = 0
  for (let at = 0; at < files.length; at += together) {
    const some = files.slice(at, at + together).map(({ parentPath, name }) => lstat(join(parentPath, name)))
    for (const { size } of await Promise.all(some)) sum += size
  }
  return sum
}
