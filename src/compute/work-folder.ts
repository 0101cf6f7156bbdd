import { constants } from 'node:fs'
import {
  access,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { checkoutTree, putTree, readTree, type Blobs } from '#storage'
import type { Artifact, Artifacts, Attempt, MetricPoint } from '#workflow'
import { parseMetrics } from './metrics.ts'

/** What one attempt sees of the world: a checkout to stand in, its inputs, and the places of its outputs. */
export interface WorkFolder {
  readonly root: string
  /** Where the command runs. */
  readonly code: string
  /** Absolute paths by name. */
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly metrics: string
  readonly temporary: string
  /** What its attempts leave for each other. */
  readonly checkpoint: string
}

/** Where everything of an attempt stands. */
export function folderAt(root: string, attempt: Pick<Attempt, 'inputs' | 'spec'>): WorkFolder {
  const place = (kind: string, names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map(name => [name, join(root, kind, name)]))
  return {
    root,
    code: join(root, 'code'),
    inputs: place('inputs', Object.keys(attempt.inputs)),
    outputs: place('outputs', attempt.spec.outputs),
    metrics: join(root, 'metrics.jsonl'),
    temporary: join(root, 'tmp'),
    checkpoint: join(root, 'checkpoint'),
  }
}

/** Makes an empty folder and fills it. What an attempt of the same name has left there is gone. */
export async function prepareFolder(
  blobs: Blobs,
  root: string,
  attempt: Pick<Attempt, 'code' | 'inputs' | 'spec'>,
): Promise<WorkFolder> {
  await rm(root, { recursive: true, force: true })
  const folder = folderAt(root, attempt)
  for (const path of ['code', 'inputs', 'outputs', 'tmp']) await mkdir(join(root, path), { recursive: true })
  if (attempt.code !== undefined) await checkoutTree(blobs, attempt.code, folder.code)
  for (const [name, path] of Object.entries(folder.inputs))
    await writeInput(blobs, { name, path, artifact: attempt.inputs[name]! })
  return folder
}

/** A copy, not the artifact itself: what user code does to it must not reach the store. On many file systems it costs nothing. */
async function writeInput(
  blobs: Blobs,
  { name, path, artifact }: { name: string; path: string; artifact: Artifact },
): Promise<void> {
  if (artifact.digest !== undefined && artifact.files !== undefined) return checkoutTree(blobs, artifact.digest, path)
  if (artifact.digest !== undefined) await copyFile(await blobs.path(artifact.digest), path, constants.COPYFILE_FICLONE)
  else if (artifact.value !== undefined) await writeFile(path, JSON.stringify(artifact.value))
  else
    throw invalid('A command reads files.', [
      { field: `inputs.${name}`, value: artifact.ref, allowed: 'an output with bytes or a value' },
    ])
  await chmod(path, 0o444)
}

/** Puts an environment's modules beside its lock file, where resolution finds them first. */
export const linkModules = (folder: WorkFolder, { lock, modules }: { lock: string; modules: string }): Promise<void> =>
  symlink(modules, join(folder.code, dirname(lock), 'node_modules'))

/** Stores what was declared and made. A folder is a tree of its files. Throws `task_failed` naming the first output that is missing. */
export async function collectOutputs(blobs: Blobs, { outputs }: WorkFolder): Promise<Artifacts> {
  const made: Record<string, Artifact> = {}
  for (const [name, path] of Object.entries(outputs)) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory()) made[name] = await putFolder(blobs, path)
    else if (found?.isFile()) made[name] = await blobs.putFile(path)
    else throw missing(name, path, found ? 'is neither file nor folder' : 'was not written')
  }
  return made
}

const limits = { bytes: 64 * 2 ** 30, what: 'an output' }

async function putFolder(blobs: Blobs, path: string): Promise<Artifact> {
  const digest = await putTree(blobs, path, limits)
  const files = Object.values(await readTree(blobs, digest))
  return { digest, size: files.reduce((sum, file) => sum + file.size, 0), files: files.length }
}

const missing = (name: string, path: string, what: string): TrainyardError =>
  new TrainyardError('task_failed', `The task ended without an error, but its output ${name} ${what}: ${path}.`, {
    cause: { kind: 'output', output: name },
  })

export async function readMetrics({ metrics }: WorkFolder): Promise<readonly MetricPoint[]> {
  const isThere = await access(metrics).then(
    () => true,
    () => false,
  )
  return isThere ? parseMetrics(await readFile(metrics, 'utf8')) : []
}

/** Drops the copies of what is an artifact now; the checkout stays for whoever wants to look. */
export async function slim({ root }: WorkFolder): Promise<void> {
  for (const path of ['inputs', 'outputs', 'tmp', 'checkpoint'])
    await rm(join(root, path), { recursive: true, force: true })
}

/** Removes the folders that nothing has touched for so long, but those in use. Returns how many. */
export async function sweep(
  parent: string,
  { clock, retentionMs, inUse }: { clock: Clock; retentionMs: number; inUse: ReadonlySet<string> },
): Promise<number> {
  let count = 0
  for (const name of await readdir(parent).catch(() => [])) {
    const path = join(parent, name)
    const touched = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    )
    if (inUse.has(path) || touched > clock.now() - retentionMs) continue
    await rm(path, { recursive: true, force: true })
    count += 1
  }
  return count
}

/** Notes when the attempt has ended, which is when its time of keeping begins. */
export const touch = async ({ root }: WorkFolder, clock: Clock): Promise<void> =>
  utimes(root, clock.now() / 1_000, clock.now() / 1_000)
