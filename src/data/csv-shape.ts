import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { invalid } from '#kernel/error.ts'

/** What must be known of a CSV file before it can be read [RFC 4180]. */
export interface CsvShape {
  readonly delimiter: string
  readonly columns: readonly string[]
  /** Whether `""` is an empty text rather than a missing value: so in what we export, not in what people write. */
  readonly keepsEmptyText?: boolean
}

const headerBytesMax = 1024 * 1024
const delimiters = [',', ';', '\t', '|'] as const
const newline = 10

/**
 * Reads a file once: that it is UTF-8 throughout, and its header. A byte-order mark is no part of the first name.
 * Throws `invalid` naming the line or column: empty, compressed, not UTF-8, a column without a name or named twice.
 */
export async function csvShape(bytes: Readable, name: string): Promise<CsvShape> {
  const refuse = (field: string, allowed: string): never => {
    throw invalid(`${name} cannot be read as CSV.`, [{ field, allowed }])
  }
  let head = Buffer.alloc(0)
  let rest = Buffer.alloc(0)
  let line = 1
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    if (head.length < headerBytesMax) head = Buffer.concat([head, chunk.subarray(0, headerBytesMax - head.length)])
    const text = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const whole = text.subarray(0, text.length - unfinished(text))
    if (!isUtf8(whole)) refuse(`line ${line + badLine(whole)}`, signature(head) ?? 'text in UTF-8')
    line += count(whole)
    rest = Buffer.from(text.subarray(whole.length))
  }
  if (rest.length > 0) refuse(`line ${line}`, 'text in UTF-8')
  const text = head.toString().replace(/^\uFEFF/, '')
  if (text.trim() === '') refuse('file', 'a header and rows; this file is empty')
  return header(text, refuse)
}

/** Bytes at the end that may be the beginning of a character: 0 to 3. */
function unfinished(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return length < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? length : 0
  }
  return 0
}

/** Lines before the one that is not UTF-8: lines are text by themselves, so the first bad one is it. */
function badLine(bytes: Buffer): number {
  let from = 0
  for (let line = 0; ; line++) {
    const to = bytes.indexOf(newline, from)
    if (to === -1 || !isUtf8(bytes.subarray(from, to))) return line
    from = to + 1
  }
}

function count(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}

/** What to say of a file that is evidently something else. */
function signature(head: Buffer): string | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'text in UTF-8; this is a gzip archive, unpack it first'
  if (head[0] === 0x50 && head[1] === 0x4b)
    return 'text in UTF-8; this is a zip archive or a spreadsheet, export it as CSV'
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))
    return 'text in UTF-8; this is UTF-16'
  return undefined
}

function header(text: string, refuse: (field: string, allowed: string) => never): CsvShape {
  const line = firstRecord(text)
  const counts = delimiters.map(delimiter => split(line, delimiter).length)
  const delimiter = delimiters[counts.indexOf(Math.max(...counts))]!
  const columns = split(line, delimiter).map(cell =>
    cell
      .replace(/^\s*"([\s\S]*)"\s*$/, '$1')
      .replaceAll('""', '"')
      .trim(),
  )
  const seen = new Map<string, number>()
  for (const [index, column] of columns.entries()) {
    if (column === '') refuse(`column ${index + 1}`, 'a name in the header (an index that pandas wrote: index=False)')
    // DuckDB, like SQL, does not tell `City` from `city`.
    const before = seen.get(column.toLowerCase())
    if (before !== undefined) refuse(`column ${index + 1}, ${column}`, `a name of its own; column ${before + 1} has it`)
    seen.set(column.toLowerCase(), index)
  }
  return { delimiter, columns }
}

/** Up to the first end of line outside quotes. */
function firstRecord(text: string): string {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted
    else if (!quoted && (text[at] === '\n' || text[at] === '\r')) return text.slice(0, at)
  }
  return text
}

function split(line: string, delimiter: string): string[] {
  const cells = ['']
  let quoted = false
  for (const character of line) {
    if (character === '"') quoted = !quoted
    if (character === delimiter && !quoted) cells.push('')
    else cells[cells.length - 1] += character
  }
  return cells
}
