import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { invalid } from '#kernel/error.ts'
import { createMeter } from '#storage'
import type { ExportTable } from './export-columns.ts'
import type { Cell, ExportTables } from './export-tables.ts'
import type { Progress } from './progress.ts'
import { otherBytes } from './promised.ts'
import type { CarriedFile, CarriedTable } from './record.ts'

/** Whose files they are, and in which folder of the export they go. */
export interface FileOwner {
  readonly kind:
    | 'run'
    | 'logged_model'
    | 'model_version'
    | 'trace'
    | 'deployment'
    | 'task'
    | 'blob'
    | CarriedTable['kind']
  readonly id: string
  readonly folder: string
}

/** Writes rows of the tables of an export, and files beside them, each with a row of its own. */
export interface ExportWriter {
  /** The folder of the export. */
  readonly root: string
  row(table: ExportTable, row: Readonly<Record<string, Cell>>): Promise<void>
  files(owner: FileOwner, files: AsyncIterable<CarriedFile> | Iterable<CarriedFile>): Promise<void>
  /** Whether a file with these bytes was written. */
  has(digest: string): boolean
  readonly total: { readonly files: number; readonly bytes: number }
}

export function createExportWriter(root: string, tables: ExportTables, progress: Progress): ExportWriter {
  const total = { files: 0, bytes: 0 }
  const digests = new Set<string>()
  return {
    root,
    total,
    has: digest => digests.has(digest),
    row: (table, row) => tables.add(table, row),
    async files({ kind, id, folder }, files) {
      for await (const file of files) {
        const { size, digest } = await save(file, below(root, folder))
        await tables.add('artifacts', { owner: kind, owner_id: id, path: file.path, size, sha256: digest })
        digests.add(digest)
        total.files++
        total.bytes += size
        progress.bytes(size)
      }
    },
  }
}

/** A path below a folder, never outside of it: names come from a server. Throws `invalid`. */
function below(folder: string, path: string): string {
  const place = resolve(folder, path)
  if (place.startsWith(`${resolve(folder)}${sep}`)) return place
  throw invalid('The path of an artifact leads out of its folder.', [
    { field: 'path', value: path, allowed: 'a path without .. segments' },
  ])
}

/** Writes a file below a folder, and compares it with the digest that was promised. */
export async function save(file: CarriedFile, folder: string): Promise<{ size: number; digest: string }> {
  const place = below(folder, file.path)
  await mkdir(dirname(place), { recursive: true })
  const { through, result } = createMeter({ refuse: found => otherBytes(file.path, file.digest, found) })
  await pipeline(await file.open(), through, createWriteStream(place, { flags: 'wx' }))
  return result()
}

/** One segment of a path, whatever the name is. */
export const folderNameOf = (name: string): string =>
  /^\.+$/.test(name) ? name.replaceAll('.', '%2E') : encodeURIComponent(name)

/** Pairs as one JSON object. */
export const jsonOf = (pairs: readonly { readonly key: string; readonly value: string }[]): string =>
  JSON.stringify(Object.fromEntries(pairs.map(({ key, value }) => [key, value])))
