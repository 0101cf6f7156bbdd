import { join } from 'node:path'
import { TrainyardError } from '#kernel/error.ts'
import { createDuckdb, literal } from '#storage'
import { folderNameOf, type ExportWriter } from './export-writer.ts'
import type { Source } from './record.ts'

/** Writes the log of predictions, a Parquet file for each deployment and day, of which the rows are counted again. */
export async function exportPredictions(source: Source, writer: ExportWriter): Promise<void> {
  const duckdb = createDuckdb()
  try {
    for await (const { project, deployment, day, rows: least, file } of source.predictions?.() ?? []) {
      const folder = join('predictions', folderNameOf(project))
      await writer.files({ kind: 'deployment', id: deployment, folder }, [file])
      const path = `${folder}/${file.path}`
      const [counted] = await duckdb.query([
        `select count(*) as rows from read_parquet(${literal(join(writer.root, path))})`,
      ])
      const rows = counted!['rows'] as number
      if (rows < least)
        throw new TrainyardError('unavailable', `Of ${least} predictions of ${deployment} on ${day} came ${rows}.`)
      await writer.row('predictions', { project, deployment, day, rows, path })
    }
  } finally {
    duckdb.stop()
  }
}
