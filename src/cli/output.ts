import { styleText } from 'node:util'
import type { TrainyardError } from '#kernel/error.ts'

/** What a command writes with: the result goes to standard output, everything else to standard error. */
export interface Output {
  readonly json: boolean
  /** The result: as JSON when asked for, as the lines otherwise. */
  result(value: unknown, lines: () => readonly string[]): void
  /** Progress and remarks, for people only. */
  note(line: string): void
}

export const createOutput = ({
  json,
  stdout,
  stderr,
}: {
  json: boolean
  stdout: (line: string) => void
  stderr: (line: string) => void
}): Output => ({
  json,
  result: (value, lines) => (json ? stdout(JSON.stringify(value)) : lines().forEach(line => stdout(line))),
  note: line => {
    if (!json) stderr(line)
  },
})

/** Exit codes, one for each way to fail that a script may want to tell apart. Listed in docs/cli.md. */
export const exitCodes: Readonly<Record<string, number>> = {
  not_found: 3,
  unauthorized: 4,
  forbidden: 4,
  rate_limited: 4,
  conflict: 5,
  gate_failed: 5,
  data_broken: 5,
  unavailable: 7,
}

/** What a person reads of an error: the sentence, and where its code is explained. */
export const errorLines = (error: TrainyardError): readonly string[] => [
  `${styleText('red', '✗', { stream: process.stderr })} ${error.message}`,
  `  code: ${error.code}, explained in docs/errors.md`,
]

/** Columns as wide as their widest cell, two spaces between. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]!.length)))
  return [head, ...rows].map(cells =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

/** `3m ago`, for people. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000))
  if (seconds < 60) return `${seconds}s ago`
  if (seconds < 3_600) return `${Math.round(seconds / 60)}m ago`
  return seconds < 86_400 ? `${Math.round(seconds / 3_600)}h ago` : `${Math.round(seconds / 86_400)}d ago`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes in the largest unit that fits. */
export function sizeOf(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}
