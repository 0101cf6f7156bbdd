import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, opendir, readlink } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
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

/**
 * Stores a folder's files and answers the tree's digest. A link to what is in the folder is that once more, which takes no
 * room; links that lead out of it, or to nothing, are refused.
 */
export async function putTree(
  blobs: Pick<Blobs, 'put' | 'putFile'>,
  folder: string,
  { bytes: bytesMax, what, isLeftOut = () => false }: TreeLimits = snapshot,
): Promise<Digest> {
  const tree: Record<string, Tree[string]> = {}
  const links: Record<string, string> = {}
  let bytes = 0
  for await (const path of filesBelow(folder, what)) {
    if (isLeftOut(path)) continue
    const { mode, size } = await lstat(join(folder, path))
    if ((mode & constants.S_IFMT) === constants.S_IFLNK) {
      links[path] = relative(folder, resolve(folder, dirname(path), await readlink(join(folder, path))))
      continue
    }
    bytes += size
    if (Object.keys(tree).length >= filesMax || bytes > bytesMax) {
      throw invalid(`The folder is too large to be ${what}.`, [
        { field: folder, allowed: `${filesMax} files and ${bytesMax >> 20} MiB at most; keep data in a source` },
      ])
    }
    const { digest } = await blobs.putFile(join(folder, path))
    tree[asPosix(path)] = { digest, size, executable: (mode & constants.S_IXUSR) !== 0 }
  }
  return writeTree(blobs, withLinks(tree, links, what))
}

/** No link is followed on the disk, where it may lead elsewhere by then: only among what was stored. */
function withLinks(tree: Tree, links: Readonly<Record<string, string>>, what: string): Tree {
  const whole: Record<string, Tree[string]> = { ...tree }
  for (const [link, target] of Object.entries(links).map(pair => pair.map(asPosix) as [string, string])) {
    const meant = followed(target, links)
    const found = Object.entries(tree).filter(([path]) => path === meant || path.startsWith(`${meant}/`))
    if (found.length === 0) throw onlyFiles(what, link)
    for (const [path, file] of found) whole[`${link}${path.slice(meant.length)}`] = file
  }
  if (Object.keys(whole).length > filesMax)
    throw invalid(`The folder is too large to be ${what}.`, [{ field: 'links', allowed: `${filesMax} files at most` }])
  return whole
}

/** Where a chain of links ends; a circle ends somewhere in it, where there is no file. */
function followed(target: string, links: Readonly<Record<string, string>>): string {
  let path = target
  for (let steps = 0; Object.hasOwn(links, path) && steps < 40; steps++) path = asPosix(links[path]!)
  return path
}

const asPosix = (path: string): string => path.split(sep).join('/')

const onlyFiles = (what: string, path: string): Error =>
  invalid(`In ${what} there may be files only.`, [
    { field: path, allowed: 'a file, or a link to what is in the folder; not a socket or device' },
  ])

/** Stores a tree whose files are stored already. */
export const writeTree = async (blobs: Pick<Blobs, 'put'>, tree: Tree): Promise<Digest> =>
  (await blobs.put(canonicalJson(tree))).digest

/** Files and links. `what` the folder is, for who is told that a file of it is none. */
async function* filesBelow(root: string, what: string, below = ''): AsyncGenerator<string> {
  const entries = []
  for await (const entry of await opendir(join(root, below))) entries.push(entry)
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(below, entry.name)
    if (ignoredAlways.has(entry.name)) continue
    if (entry.isDirectory()) yield* filesBelow(root, what, path)
    else if (entry.isFile() || entry.isSymbolicLink()) yield path
    else throw onlyFiles(what, path)
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
