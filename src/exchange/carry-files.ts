import { messageOf } from '#kernel/error.ts'
import { createMeter, measure } from '#storage'
import type { CarriedFile } from './record.ts'
import type { Reporter } from './report.ts'
import type { Target } from './target.ts'

export interface FileOwner {
  /** `run 0123…`, for messages. */
  readonly what: string
  readonly of: 'runs' | 'logged-models' | 'traces'
  readonly id: string
  /** Where the files go. */
  readonly uri: string
}

export interface FileChoices {
  /** A file of the same size at the same path is the same: nothing is read again. */
  readonly trustSizes: boolean
  onBytes(bytes: number): void
}

/**
 * Brings files to where they are missing or differ, and compares them all: their bytes are hashed on the way out of the
 * source, and by the target on their way in. Answers whether anything was written.
 */
export async function carryFiles(
  { target, reporter }: { readonly target: Target; readonly reporter: Reporter },
  files: AsyncIterable<CarriedFile> | Iterable<CarriedFile>,
  owner: FileOwner,
  choices: FileChoices,
): Promise<boolean> {
  const before = await target.files(owner.of, owner.id)
  const hashes = new Map<string, { digest: string | undefined; size: number }>()
  let wrote = false
  for await (const file of files) {
    const there = before.get(file.path)
    if (there && choices.trustSizes && there.size === (file.size ?? 0)) {
      hashes.set(file.path, { digest: undefined, size: there.size })
      continue
    }
    const known =
      there && (file.size === undefined || file.size === there.size)
        ? await measure(await file.open(), choices)
        : undefined
    if (known !== undefined && known.digest === there?.digest) hashes.set(file.path, known)
    else {
      wrote = true
      hashes.set(file.path, await carry(target, file, owner, choices))
    }
  }
  await compare({ target, reporter }, hashes, owner)
  return wrote
}

async function carry(
  target: Target,
  file: CarriedFile,
  { what, uri }: FileOwner,
  { onBytes }: FileChoices,
): Promise<{ digest: string; size: number }> {
  const { through, result } = createMeter({ onBytes })
  const bytes = (await file.open()).on('error', error => through.destroy(error)).pipe(through)
  try {
    await target.putFile(uri, file.path, bytes)
  } catch (error) {
    throw new Error(`${what}, file ${file.path}: ${messageOf(error)}`, { cause: error })
  }
  return result()
}

async function compare(
  { target, reporter }: { readonly target: Target; readonly reporter: Reporter },
  hashes: ReadonlyMap<string, { readonly digest: string | undefined; readonly size: number }>,
  { of, id, what }: FileOwner,
): Promise<void> {
  const after = await target.files(of, id)
  const bytes = (sizes: Iterable<{ readonly size: number }>): number =>
    [...sizes].reduce((sum, { size }) => sum + size, 0)
  reporter.count('files', hashes.size, after.size)
  reporter.count('bytes', bytes(hashes.values()), bytes(after.values()))
  for (const [path, { digest, size }] of hashes) {
    const here = after.get(path)
    if (here?.size !== size || (digest !== undefined && here.digest !== digest))
      reporter.differ(
        what,
        `file ${path}: ${size} bytes ${digest?.slice(0, 12) ?? ''} there, ${here ? `${here.size} bytes ${here.digest.slice(0, 12)}` : 'nothing'} here`,
      )
  }
  for (const path of after.keys())
    if (!hashes.has(path)) reporter.differ(what, `file ${path}: nothing there, a file here`)
}
