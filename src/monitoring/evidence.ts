import type { Violation } from './contract.ts'
import { short } from './contract.ts'
import type { Judgement } from './judge.ts'
import type { KeptWindow } from './monitor.ts'
import { certainZ, suspectZ } from './performance.ts'

/** Sentences that a person decides by, each with its numbers and ids. */

const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10)

export const windowName = ({ id, from, to }: Pick<KeptWindow, 'id' | 'from' | 'to'>): string =>
  `window ${day(from)} to ${day(to)} (${id})`

/** How bad it is, since when, where, and compared with what. */
export function performanceEvidence(
  window: KeptWindow,
  judgement: Judgement,
  suspects: readonly KeptWindow[],
): string[] {
  const { performance } = judgement
  if (!performance) return []
  const { metric, rows, realised, expected, reference, z } = performance
  const compared = [
    expected !== undefined && `${short(expected)} was expected of these scores`,
    reference !== undefined && `${short(reference)} is that of the evaluation`,
  ]
    .filter(Boolean)
    .join(', ')
  return [
    `${capital(windowName(window))}: ${metric} ${realised === undefined ? 'not defined' : short(realised)} on ${rows} of ${window.scored} predictions whose truth is known${compared ? `; ${compared}` : ''}.`,
    ...(z === undefined
      ? []
      : [
          `The loss lies ${z.toFixed(1)} standard errors above what it should be; ${suspectZ} in two windows in a row, or ${certainZ} in one, is a loss.`,
        ]),
    ...suspects.map(suspectSentence),
    ...judgement.segments.slice(0, 3).map(sentence => `${sentence}.`),
    `Compared with ${judgement.reference}.`,
  ]
}

const suspectSentence = (window: KeptWindow): string =>
  `${capital(windowName(window))}, beside it: ${window.performance?.z?.toFixed(1)} standard errors.`

export const violationEvidence = (violations: readonly Violation[]): string[] =>
  violations.map(({ column, rule, found, allowed }) => `${column} (${rule}): ${found}; allowed: ${allowed}.`)

export const columnsOf = (violations: readonly Violation[]): string =>
  [...new Set(violations.map(violation => violation.column))].slice(0, 4).join(', ')

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
