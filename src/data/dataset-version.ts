import type { z } from 'zod'
import type { Violation } from './contract.ts'
import type { ArrivalWire, DatasetVersionWire, SampleWire, SourceWire } from './wire.ts'

/** Immutable rows of a source, addressed by content. Only the verdict on them may change. */
export type DatasetVersion = z.output<typeof DatasetVersionWire>
export type DatasetVersionId = DatasetVersion['id']
export type Verdict = DatasetVersion['verdict']
export type Arrival = z.output<typeof ArrivalWire>
export type Sample = z.output<typeof SampleWire>
export type SourceState = z.output<typeof SourceWire>

const shown = 5

/** The violations as lines of an error message. */
export function describe(violations: readonly Violation[]): string {
  const lines = violations
    .slice(0, shown)
    .map(({ column, found, allowed }) => `${column}: ${found}; allowed: ${allowed}`)
  const more = violations.length > shown ? [`and ${violations.length - shown} more`] : []
  return [...lines, ...more].map(line => `\n  ${line}`).join('')
}
