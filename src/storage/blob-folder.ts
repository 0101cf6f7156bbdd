import { mkdir, open, readdir, rename, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'

/**
 * Where bytes lie in a folder of blobs. `sha256/ab/<digest>`: in place. `trash/<digest>/<instant>`: taken out of place at
 * that instant, to be removed or brought back; the name holds the instant, so that one rename is the whole change.
 * `incoming/`: being written. `databases/<id>`: an empty file of each database whose platform has used the folder.
 */
export const placeOf = (root: string, digest: Digest): string => join(root, 'sha256', digest.slice(0, 2), digest)
export const trashOf = (root: string, digest: Digest): string => join(root, 'trash', digest)
export const incomingOf = (root: string): string => join(root, 'incoming')

/** Moves a finished file into place so that a crash leaves either nothing or the whole. */
export async function publish(file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await rename(file, target)
  const folder = await open(dirname(target))
  await folder.sync().finally(() => folder.close())
}

/** The digests in place that come after a text, in order. */
export async function digestsAfter(root: string, after: string, limit: number): Promise<readonly Digest[]> {
  const found: Digest[] = []
  const folders = (await unlessAbsent(readdir(join(root, 'sha256')))) ?? []
  for (const folder of folders.toSorted()) {
    if (folder < after.slice(0, 2)) continue
    const names = (await unlessAbsent(readdir(join(root, 'sha256', folder)))) ?? []
    found.push(...names.filter(isDigest).filter(name => name > after))
    if (found.length >= limit) break
  }
  return found.toSorted().slice(0, limit)
}

export const isDigest = (name: string): name is Digest => /^[0-9a-f]{64}$/.test(name)

/** Undefined for what is not there; any other failure is one. */
export async function unlessAbsent<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** When a digest was put into the trash; usually once or never. */
export async function trashedAt(root: string, digest: Digest): Promise<readonly Millis[]> {
  const names = (await unlessAbsent(readdir(trashOf(root, digest)))) ?? []
  return names.map(name => Number(name) as Millis).filter(Number.isSafeInteger)
}

/** Brings bytes back from the trash as if they were written now. Returns whether they are in place. */
export async function bringBack(root: string, digest: Digest): Promise<boolean> {
  for (const at of await trashedAt(root, digest)) {
    const file = join(trashOf(root, digest), String(at))
    const back = async (): Promise<true> => {
      await refresh(file)
      await publish(file, placeOf(root, digest))
      return true
    }
    if (await unlessAbsent(back())) return true
  }
  // Whoever emptied the trash or brought it back meanwhile decides.
  return (await unlessAbsent(stat(placeOf(root, digest)))) !== undefined
}

/** Says of a file that it is wanted now. Times of files are the file system's, not those of the platform's clock. */
export const refresh = (file: string): Promise<void> => utimes(file, new Date(), new Date())
