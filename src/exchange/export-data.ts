import { join } from 'node:path'
import { folderNameOf, type ExportWriter } from './export-writer.ts'
import type { Source } from './record.ts'

/** Writes the rows of projects: their Parquet as it is, and a table of what each holds and was made from. */
export async function exportData(source: Source, writer: ExportWriter): Promise<void> {
  for await (const {
    kind,
    id,
    project,
    name,
    version,
    rows,
    createdAt,
    columns,
    madeFrom,
    files,
  } of source.tables?.() ?? []) {
    const folder = join('data', folderNameOf(project))
    await writer.row('data', {
      id,
      kind,
      project,
      name,
      version,
      rows,
      created_at: createdAt,
      columns: JSON.stringify(columns),
      made_from: JSON.stringify(madeFrom),
      path: `${folder}/${files[0]!.path}`,
    })
    await writer.files({ kind, id, folder }, files)
  }
}
