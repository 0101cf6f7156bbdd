import type { Tensor } from '#registry'
import type { Golden } from '#serving'

type Row = Golden['inputs']

const usualRowsMax = 5

/**
 * Rows to try a model with: the complete ones of the example that it was logged with, else one of zeros and empty texts.
 * @param text Of MLflow's file for an example: a table as `{"columns", "data"}`, or columns as `{"inputs"}`.
 */
export function exampleRows(
  inputs: readonly Tensor[],
  text: string | undefined,
  rowsMax = usualRowsMax,
): { rows: readonly Row[]; isGiven: boolean } {
  const given = rowsOf(text === undefined ? undefined : parsed(text)).map(row => complete(inputs, row))
  const rows = given.filter(row => row !== undefined)
  if (rows.length > 0) return { rows: rows.slice(0, rowsMax), isGiven: true }
  const zeros = inputs.map(({ name, datatype }) => [name, emptyOf(datatype)] as const)
  return { rows: [Object.fromEntries(zeros)], isGiven: false }
}

function emptyOf(datatype: string): Row[string] {
  if (datatype === 'BYTES') return ''
  return datatype === 'BOOL' ? false : 0
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Python writes NaN, which is no JSON: the example has a missing value.
    return undefined
  }
}

type Named = Readonly<Record<string, unknown>>

function rowsOf(example: unknown): readonly Named[] {
  if (example === null || typeof example !== 'object') return []
  const { columns, data, inputs } = example as { columns?: unknown; data?: unknown; inputs?: unknown }
  if (Array.isArray(columns) && Array.isArray(data))
    return data.map(row => Object.fromEntries(columns.map((name, at) => [String(name), (row as unknown[])[at]])))
  if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs)) return []
  const lists = Object.entries(inputs).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
  return (lists[0]?.[1] ?? []).map((_, row) => Object.fromEntries(lists.map(([name, values]) => [name, values[row]])))
}

/** The row as a request would have it; undefined when one of its values is missing or no scalar. */
function complete(inputs: readonly Tensor[], row: Named): Row | undefined {
  const values = inputs.map(({ name }) => [name, row[name]] as const)
  const isComplete = values.every(([, value]) => ['number', 'string', 'boolean'].includes(typeof value))
  return isComplete ? (Object.fromEntries(values) as Row) : undefined
}
