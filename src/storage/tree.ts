import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, opendir } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { canonicalJson } from '#kernel/json.ts'
import { Digest as DigestWire } from '#kernel/wire.ts'
import type { Blobs } from './blobs.ts'

/**
 * A folder by content: path to bytes. Its own digest names all of it, and two trees share the files that they have in
 * common. Code snapshots and serving bundles are trees.
 */
export type Tree = Readonly<
  Record<string, { readonly digest: Digest; readonly size: number; readonly executable: boolean }>
>

const TreeWire = z.record(z.string(), z.object({ digest: DigestWire, size: z.int(), executable: z.boolean() }))

const filesMax = 10_000
/** How much a folder may hold, what it is, and which of its files do not belong to it. */
interface TreeLimits {
  readonly bytes: number
  readonly what: string
  isLeftOut?(path: string): boolean
}
const snapshot: TreeLimits = { bytes: 256 * 1024 * 1024, what: 'a code snapshot' }
const ignoredAlways = new Set(['.git', 'node_modules', '.trainyard', '__pycache__', '.venv'])

/** Stores a folder's files and answers the tree's digest. Links are refused: they could point outside. */
export async function putTree(
  blobs: Pick<Blobs, 'put' | 'putFile'>,
  folder: string,
  { bytes: bytesMax, what, isLeftOut = () => false }: TreeLimits = snapshot,
): Promise<Digest> {
  const tree: Record<string, Tree[string]> = {}
  let bytes = 0
  for await (const path of filesBelow(folder, what)) {
    if (isLeftOut(path)) continue
    const { mode, size } = await lstat(join(folder, path))
    bytes += size
    if (Object.keys(tree).length >= filesMax || bytes > bytesMax) {
      throw invalid(`The folder is too large to be ${what}.`, [
        { field: folder, allowed: `${filesMax} files and ${bytesMax >> 20} MiB at most; keep data in a source` },
      ])
    }
    const { digest } = await blobs.putFile(join(folder, path))
    tree[path.split(sep).join('/')] = { digest, size, executable: (mode & constants.S_IXUSR) !== 0 }
  }
  return writeTree(blobs, tree)
}

/** Stores a tree whose files are stored already. */
export const writeTree = async (blobs: Pick<Blobs, 'put'>, tree: Tree): Promise<Digest> =>
  (await blobs.put(canonicalJson(tree))).digest

/** `what` the folder is, for who is told that a file of it is none. */
async function* filesBelow(root: string, what: string, below = ''): AsyncGenerator<string> {
  const entries = []
  for await (const entry of await opendir(join(root, below))) entries.push(entry)
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(below, entry.name)
    if (ignoredAlways.has(entry.name)) continue
    if (entry.isDirectory()) yield* filesBelow(root, what, path)
    else if (entry.isFile()) yield path
    else
      throw invalid(`In ${what} there may be files only.`, [
        { field: path, allowed: 'a file, not a link, socket or device' },
      ])
  }
}

export const readTree = async (blobs: Pick<Blobs, 'bytes'>, digest: Digest): Promise<Tree> =>
  TreeWire.parse(JSON.parse((await blobs.bytes(digest)).toString()))

/** Writes a tree's files into a folder, which is made. */
export async function checkoutTree(blobs: Blobs, digest: Digest, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [path, file] of Object.entries(await readTree(blobs, digest))) {
    const target = join(folder, path)
    if (!target.startsWith(join(folder, sep)))
      throw invalid('A tree may not reach outside its folder.', [{ field: path, allowed: 'a path below the folder' }])
    await mkdir(dirname(target), { recursive: true })
    await copyFile(await blobs.path(file.digest), target)
    await chmod(target, file.executable ? 0o755 : 0o644)
  }
}

/** The text of one file of a tree. Throws `not_found`. */
export async function treeFile(blobs: Blobs, digest: Digest, path: string): Promise<{ digest: Digest; text: string }> {
  const file = (await readTree(blobs, digest))[path]
  if (!file) throw notFound('file', path)
  return { digest: file.digest, text: (await blobs.bytes(file.digest)).toString() }
}
