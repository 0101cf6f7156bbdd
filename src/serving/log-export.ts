import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Digest } from '#kernel/digest.ts'
import { notFound } from '#kernel/error.ts'
import { measure } from '#storage'
import { copyRows, parquetRows } from './log-files.ts'
import { untilSteady, type LogReaderParts } from './log-reader.ts'

/** The predictions about one day of UTC, `2026-11-29`: what is in it does not depend on how the log's files are merged. */
export interface LogDay {
  readonly day: string
  readonly rows: number
}

const dayMs = 86_400_000
const dayOf = (number: number): string => new Date(number * dayMs).toISOString().slice(0, 10)

/** The days that the log of a deployment has predictions about, in their order. */
export const logDays = (parts: LogReaderParts, deployment: string): Promise<readonly LogDay[]> =>
  untilSteady(async () => {
    const paths = await pathsOf(parts, deployment)
    if (paths.length === 0) return []
    const rows = await parts.duckdb.query([
      `select cast(floor(event_time / ${dayMs}.0) as bigint) as day, count(*) as rows
       from (${parquetRows(paths)}) group by day order by day`,
    ])
    return rows.map(row => ({ day: dayOf(row['day'] as number), rows: row['rows'] as number }))
  })

/** One day of the log as one Parquet file, and the SHA-256 of its bytes. Throws `not_found` for a day without any. */
export async function readDay(
  parts: LogReaderParts,
  deployment: string,
  day: string,
): Promise<{ bytes: Readable; digest: Digest; size: number }> {
  const from = Date.parse(day)
  const range = { from, to: from + dayMs }
  const folder = join(parts.folder, '.export')
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${randomUUID()}.parquet`)
  try {
    await untilSteady(async () => {
      const paths = await pathsOf(parts, deployment, range)
      if (paths.length === 0) throw notFound('day of predictions', `${deployment}/${day}`)
      const rows = `${parquetRows(paths)} where event_time >= ${range.from} and event_time < ${range.to}`
      await parts.duckdb.query([copyRows(rows, path)])
    })
    const { digest, size } = await measure(createReadStream(path))
    const file = await open(path)
    return { bytes: file.createReadStream(), digest, size }
  } finally {
    // Whoever reads holds it open: it is gone when they have done so, or when this process is.
    await rm(path, { force: true })
  }
}

async function pathsOf(
  { store, folder }: LogReaderParts,
  deployment: string,
  range: { readonly from?: number; readonly to?: number } = {},
): Promise<readonly string[]> {
  const paths: string[] = []
  let after: string | undefined
  do {
    const page = await store.segments({ deployment, ...range }, { limit: 1_000, after })
    paths.push(...page.items.map(({ file }) => join(folder, file)))
    after = page.next
  } while (after !== undefined)
  return paths
}
