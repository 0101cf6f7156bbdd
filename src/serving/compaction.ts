import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '#kernel/digest.ts'
import type { CollectorParts } from './collector.ts'
import { copyRows, parquetRows, publishFile, unfinished } from './log-files.ts'
import type { SegmentRow } from './store.ts'

/** A file with fewer rows than this is small. */
const smallRows = 50_000
/** So many small files are merged into one. */
const mergeFiles = 64
const mergesPerCall = 20
const expiredPerCall = 200

/** Merges the oldest small files of a deployment, as long as it has more than `filesMax` of them. */
export async function compactLog(parts: CollectorParts, deployment: string, filesMax = mergeFiles): Promise<void> {
  for (let merge = 0; merge < mergesPerCall; merge++) {
    const { count, oldest } = await parts.store.smallSegments(deployment, smallRows, filesMax)
    if (count <= filesMax) return
    await mergeSegments(parts, deployment, oldest)
  }
}

async function mergeSegments(
  { db, store, duckdb, folder }: CollectorParts,
  deployment: string,
  parts: readonly SegmentRow[],
): Promise<void> {
  // Named by what is in it: after a crash the same merge writes the same file.
  const file = join(deployment, `merged-${digestOf(parts.map(part => part.file).join('\n')).slice(0, 24)}.parquet`)
  await duckdb.query([
    copyRows(parquetRows(parts.map(part => join(folder, part.file))), unfinished(join(folder, file))),
  ])
  await publishFile(join(folder, file))
  const merged: SegmentRow = {
    deployment,
    file,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    eventFrom: Math.min(...parts.map(({ eventFrom }) => eventFrom)),
    eventTo: Math.max(...parts.map(({ eventTo }) => eventTo)),
    idFrom: parts.map(({ idFrom }) => idFrom).toSorted()[0]!,
    idTo: parts
      .map(({ idTo }) => idTo)
      .toSorted()
      .at(-1)!,
    receivedTo: Math.max(...parts.map(({ receivedTo }) => receivedTo)),
  }
  await db.transaction().execute(async tx => {
    await store.removeSegments(
      tx,
      deployment,
      parts.map(part => part.file),
    )
    await store.addSegment(tx, merged)
  })
  for (const part of parts) await rm(join(folder, part.file), { force: true })
}

/** Deletes files all of whose predictions were made before an instant; those of one deployment when it is named. */
export async function pruneLog(
  { db, store, folder }: CollectorParts,
  which: { before: number; deployment?: string },
): Promise<void> {
  for (const { deployment, file } of await store.expiredSegments(which, expiredPerCall)) {
    await db.transaction().execute(tx => store.removeSegments(tx, deployment, [file]))
    await rm(join(folder, file), { force: true })
  }
}
