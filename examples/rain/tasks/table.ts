import { readFileSync } from 'node:fs'

/** Training rows as numbers. `x[i][j]` is feature `features[j]` of row i; `y[i]` is its label, 0 or 1. */
export interface Table {
  readonly features: readonly string[]
  readonly x: readonly (readonly number[])[]
  readonly y: readonly number[]
}

/** Columns that say which row it is, before the features; the label comes last. */
const keys = ['city', 'event_time']

/**
 * Reads a CSV file with the columns `city, event_time, …features, label`. Throws when it is empty, and on a cell that is
 * not a number: a missing feature must be decided upon in features/transform.sql, not guessed here.
 */
export function readTable(path: string): Table {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/)
  const columns = header.split(',').slice(keys.length)
  if (lines.length === 0) throw new Error(`${path} has no rows.`)

  const rows = lines.map((line, index) => {
    // Only the city may contain a comma, and it comes first: so count from the right.
    const cells = line.split(',').slice(-columns.length)
    const wrong = columns.find((_, at) => !cells[at]?.trim() || !Number.isFinite(Number(cells[at])))
    if (wrong !== undefined) throw new Error(`${path}, row ${index + 1}: ${wrong} is not a number.`)
    return cells.map(Number)
  })

  return { features: columns.slice(0, -1), x: rows.map(row => row.slice(0, -1)), y: rows.map(row => row.at(-1)!) }
}
