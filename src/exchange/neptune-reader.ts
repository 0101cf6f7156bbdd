import { invalid } from '#kernel/error.ts'
import { createDuckdb, literal, type Row } from '#storage'
import { filesBelow } from './folder.ts'

/**
 * Asks the Parquet files of an export as one table, `attributes`; `scope` is `models` or `model_versions` for what is
 * of the registry of Neptune 2, and else empty.
 */
export interface NeptuneReader {
  rows(query: string): Promise<readonly Row[]>
  /** Asks page by page, by `order by <columns>`; a column is a number, a text, or neither. */
  pages(query: PagedQuery): AsyncIterable<readonly Row[]>
}

export interface PagedQuery {
  readonly select: string
  readonly where: string
  /** Expressions that together say which row it is, none of them NULL, and what they are called in the answer. */
  readonly order: readonly { readonly expression: string; readonly name: string }[]
}

const rowsPerPage = 20_000
const columns = ['project_id', 'run_id', 'attribute_path', 'attribute_type', 'step', 'timestamp', 'file_value']

export function createNeptuneReader(folder: string, signal?: AbortSignal): NeptuneReader {
  const duckdb = createDuckdb()
  let view: Promise<string> | undefined

  /** The view is made anew on each connection; which files there are is found out once. */
  async function attributes(): Promise<string> {
    const paths: string[] = []
    for await (const path of filesBelow(folder)) if (path.endsWith('.parquet')) paths.push(path)
    const files = wholeOnes(paths).map(path => `${folder}/${path}`)
    const made = `create temp view attributes as
      select *, regexp_extract(filename, '/(models|model_versions)/[^/]+$', 1) as scope
      from read_parquet([${files.map(literal).join(', ')}], union_by_name = true, filename = true)`
    const found = files.length === 0 ? [] : await duckdb.query([made, 'describe attributes'], signal)
    const names = found.map(row => row['column_name'])
    const missing = columns.filter(name => !names.includes(name))
    if (missing.length === 0) return made
    throw invalid('This is no export of Neptune.', [
      { field: folder, allowed: `Parquet files of neptune-exporter, with the columns ${columns.join(', ')}` },
    ])
  }

  const rows: NeptuneReader['rows'] = async query => {
    view ??= attributes()
    const made = await view
    try {
      return await duckdb.query([made, query], signal)
    } finally {
      // The process of DuckDB ends by itself when nobody asks for a while; a command should not wait for that.
      if (signal?.aborted === true) duckdb.stop()
    }
  }

  return {
    rows,

    async *pages({ select, where, order }) {
      const by = order.map(({ expression }) => expression).join(', ')
      const named = order.map(({ expression, name }) => `${expression} as ${name}`).join(', ')
      let after = ''
      do {
        const page = await rows(
          `select ${named}, ${select} from attributes where ${where} ${after} order by ${by} limit ${rowsPerPage}`,
        )
        if (page.length > 0) yield page
        const last = page.length === rowsPerPage ? page.at(-1)! : undefined
        const values = last && order.map(({ name }) => sqlOf(last[name]!))
        after = values ? `and (${by}) > (${values.join(', ')})` : ''
      } while (after !== '')
    },
  }
}

/** The first part of a run gets its name last: without it, the others are of a run whose export was broken off. */
function wholeOnes(paths: readonly string[]): readonly string[] {
  const all = new Set(paths)
  return paths.filter(path => {
    const run = /^(.*)_part_\d+\.parquet$/.exec(path)?.[1]
    return run === undefined || all.has(`${run}_part_0.parquet`)
  })
}

const sqlOf = (value: Row[string]): string => (typeof value === 'number' ? String(value) : literal(textOf(value)))

/** A value of a row as text; none is the empty text. */
export const textOf = (value: Row[string] | undefined): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
