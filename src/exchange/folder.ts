import { createReadStream } from 'node:fs'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CarriedFile, KeyText } from './record.ts'

/** The names of the folders in a folder, sorted; none if it is not there. */
export async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(missing([]))
  return entries
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .toSorted()
}

/** All files below a folder, by paths with `/`; none if it is not there. Links are not followed. */
export async function* filesBelow(folder: string, prefix = ''): AsyncIterable<string> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(missing([]))
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.isDirectory()) yield* filesBelow(folder, path)
    else if (entry.isFile()) yield path
  }
}

/** A folder of small files as keys and their texts: a key with slashes lies in folders. */
export async function textsBelow(folder: string): Promise<readonly KeyText[]> {
  const texts: KeyText[] = []
  for await (const key of filesBelow(folder)) texts.push({ key, value: await readFile(join(folder, key), 'utf8') })
  return texts
}

export async function* carriedFiles(folder: string): AsyncIterable<CarriedFile> {
  for await (const path of filesBelow(folder)) {
    const file = join(folder, path)
    const { size } = await stat(file)
    yield { path, size, open: () => Promise.resolve(createReadStream(file)) }
  }
}

export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

/** The folder that a `file:` URI or a plain path names; undefined for other places. */
export function folderOf(uri: string): string | undefined {
  if (uri.startsWith('file:')) return fileURLToPath(uri.startsWith('file://') ? uri : `file://${uri.slice(5)}`)
  return uri === '' || /^[a-z][a-z0-9+.-]+:/i.test(uri) ? undefined : uri
}

const missing =
  <Value>(value: Value) =>
  (error: unknown): Value => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value
    throw error
  }
