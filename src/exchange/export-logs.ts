import { join } from 'node:path'
import { folderNameOf, type ExportWriter } from './export-writer.ts'
import type { Source } from './record.ts'

/** Writes what tasks have said, each log as it is. */
export async function exportLogs(source: Source, writer: ExportWriter): Promise<void> {
  for await (const { project, run, pipeline, task, file } of source.logs?.() ?? []) {
    const folder = join('logs', folderNameOf(project))
    await writer.row('task_logs', { project, run, pipeline, task, path: `${folder}/${file.path}` })
    await writer.files({ kind: 'task', id: `${run}/${task}`, folder }, [file])
  }
}
