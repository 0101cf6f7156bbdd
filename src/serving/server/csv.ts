import type { Signature } from '#registry'
import { show } from './bind.ts'
import { badRequest } from './request-error.ts'
import { brief, type Table } from './table.ts'

/** Tables as comma-separated values [RFC 4180], typed by the signature. */

/** A field; one in quotes is a text, also when it is empty. */
interface Field {
  readonly text: string
  readonly isQuoted: boolean
}

const fieldsMax = 2_000_000

/**
 * Reads a table. Whether its first line has the names is said by `header`; when it is not said, it has them if one of
 * its fields is the name of an input or one of `names`. Without names the columns are those of the signature, in its order.
 */
export function readCsv(
  text: string,
  { signature, names, header }: { signature: Signature; names: readonly string[]; header: boolean | undefined },
): Table {
  const lines = linesOf(text)
  const inputs = signature.inputs.map(({ name }) => name)
  const known = new Set([...inputs, ...names])
  const [first = []] = lines
  const hasNames = header ?? first.some(({ text: name }) => known.has(name))
  const columns = hasNames ? first.map(({ text: name }) => name) : inputs
  const rows = hasNames ? lines.slice(1) : lines
  for (const [row, { length }] of rows.entries())
    if (length !== columns.length)
      throw badRequest(`CSV, row ${row + 1}: ${length} values, expected ${columns.length}: ${brief(columns)}.`)
  const datatypes = new Map(signature.inputs.map(({ name, datatype }) => [name, datatype]))
  return {
    names: columns,
    rows: rows.length,
    column: place => {
      const datatype = datatypes.get(columns[place]!) ?? 'BYTES'
      return rows.map(fields => typed(fields[place]!, datatype))
    },
  }
}

/** What a field means in a column of a datatype; null where there is nothing. Checked by who binds it. */
function typed({ text, isQuoted }: Field, datatype: string): unknown {
  if (datatype === 'BYTES') return text
  const word = text.trim()
  if (word === '') return isQuoted ? text : null
  if (datatype === 'BOOL') return booleans[word.toLowerCase()] ?? text
  if (/^[-+]?nan$/i.test(word)) return NaN
  const number = Number(word)
  if (/^[-+]?\d{1,20}$/.test(word) && !Number.isSafeInteger(number)) return BigInt(word)
  return Number.isNaN(number) || /[xob]/i.test(word) ? text : number
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false }

/** A line is closed by CR, LF or both; empty lines at the end are none. */
function linesOf(text: string): Field[][] {
  const lines: Field[][] = []
  let line: Field[] = []
  let count = 0
  // A byte order mark is no part of the first name.
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length;) {
    const { field, end } = text[at] === '"' ? quoted(text, at, lines.length + 1) : plain(text, at)
    line.push(field)
    if (++count > fieldsMax) throw badRequest(`CSV: more than ${fieldsMax} values.`)
    at = end
    if (text[at] === ',') {
      at++
      if (at === text.length) line.push({ text: '', isQuoted: false })
      continue
    }
    lines.push(line)
    line = []
    at += text.startsWith('\r\n', at) ? 2 : 1
  }
  if (line.length > 0) lines.push(line)
  while (lines.at(-1)?.length === 1 && lines.at(-1)![0]!.text === '' && lines.length > 1) lines.pop()
  return lines
}

interface Taken {
  readonly field: Field
  /** Where the comma, the end of the line or of the text stands. */
  readonly end: number
}

const ending = /[,\r\n]/g

function plain(text: string, at: number): Taken {
  ending.lastIndex = at
  const end = ending.exec(text)?.index ?? text.length
  return { field: { text: text.slice(at, end), isQuoted: false }, end }
}

function quoted(text: string, at: number, line: number): Taken {
  let end = at + 1
  for (;;) {
    end = text.indexOf('"', end)
    if (end < 0) throw badRequest(`CSV, line ${line}: a quote is not closed.`)
    if (text[end + 1] !== '"') break
    end += 2
  }
  const next = text[end + 1]
  if (next !== undefined && !',\r\n'.includes(next))
    throw badRequest(`CSV, line ${line}: ${show(next)} after a closing quote, expected a comma or the end of the line.`)
  return { field: { text: text.slice(at + 1, end).replaceAll('""', '"'), isQuoted: true }, end: end + 1 }
}

/** A line of values, without its end. */
export const csvLine = (values: readonly unknown[]): string =>
  values
    .map(value => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value)))
    .join()
