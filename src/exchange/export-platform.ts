import { createExportTables } from './export-tables.ts'
import type { Api } from './api.ts'

interface Table {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'integer' | 'number' }[]
}

interface Rows {
  readonly items: readonly (readonly (string | number | null)[])[]
  readonly next?: string
}

const rowsPerPage = 5_000

/**
 * Writes every table of the platform as it is, secrets apart, as Parquet: lineage, datasets, deployments, monitoring,
 * traces. For administrators. Answers how many rows each has.
 */
export async function exportPlatform(api: Pick<Api, 'get'>, folder: string): Promise<Readonly<Record<string, number>>> {
  const { items: tables } = await api.get<{ items: readonly Table[] }>('/api/v1/export/tables')
  const columns = tables.map(table => [
    table.name,
    Object.fromEntries(table.columns.map(({ name, type }) => [name, type])),
  ])
  const written = await createExportTables(folder, Object.fromEntries(columns))
  for (const { name, columns: shape } of tables) {
    let after: string | undefined
    do {
      const query = new URLSearchParams({ limit: String(rowsPerPage), ...(after !== undefined && { after }) })
      const page = await api.get<Rows>(`/api/v1/export/tables/${name}?${query.toString()}`)
      for (const row of page.items)
        await written.add(name, Object.fromEntries(shape.map((column, index) => [column.name, row[index]])))
      after = page.next
    } while (after !== undefined)
  }
  return written.finish()
}
