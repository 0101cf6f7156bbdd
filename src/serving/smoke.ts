import type { Tensor } from '#registry'
import type { Golden } from './bundle.ts'
import type { Check } from './check.ts'
import { enlarged } from './enlarged.ts'

/** Many requests to a revision before it meets any: none may fail. */

type Row = Golden['inputs']

/** Rows to make requests of. */
export interface SmokeRows {
  /** What the champion was asked lately; rows that have not all of the inputs are passed over. */
  readonly recorded: readonly Row[]
  /** Others that the model can answer, from which values are drawn where the recorded ones are few. */
  readonly known: readonly Row[]
}

/** An answer, as far as it may be wrong. */
export interface SmokeAnswer {
  readonly status: number
  readonly error?: string | undefined
  /** Of outputs that are numbers, all values are some. */
  readonly isValid: boolean
}

/** Requests at a time: as many as one process takes in one turn without waiting long. */
const lanes = 4
/** A model that is slow gets as many requests as it answers in this time. */
const smokeMsMax = 20_000

/** So many requests with one row each. */
export function smokeRequests(inputs: readonly Tensor[], { recorded, known }: SmokeRows, count: number): SmokeRows {
  const asked = recorded.filter(row => isComplete(inputs, row)).slice(0, count)
  if (asked.length === count || known.length === 0) return { recorded: asked, known: [] }
  return { recorded: asked, known: enlarged(inputs, known, count - asked.length).slice(0, count - asked.length) }
}

/** Whether the log has every input as requests send it: what is redacted has become a text. */
const isComplete = (inputs: readonly Tensor[], row: Row): boolean =>
  inputs.every(({ name, datatype }) => {
    const value = row[name]
    if (datatype === 'BYTES') return typeof value === 'string'
    return datatype === 'BOOL' ? typeof value === 'boolean' : Number.isFinite(value)
  })

/** Asks about each row, a few at a time, for as long as there is time; the answers in no order. */
export async function smokeAnswers(
  rows: readonly Row[],
  ask: (row: Row) => Promise<SmokeAnswer>,
  msMax: number = smokeMsMax,
): Promise<readonly SmokeAnswer[]> {
  const until = performance.now() + msMax
  const answers: SmokeAnswer[] = []
  const left = rows.values()
  const lane = async (): Promise<void> => {
    for (const row of left) {
      answers.push(await ask(row))
      if (performance.now() > until) return
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return answers
}

/** None may fail, or have an output that is no number; what is refused was no request that it takes. */
export function judgeSmoke(answers: readonly SmokeAnswer[], { recorded, known }: SmokeRows): Check {
  const name = 'smoke'
  const all = answers.length
  if (all === 0)
    return { name, passed: true, found: 'There are no rows to make requests of: neither recorded ones nor known ones.' }
  const failed = answers.filter(({ status }) => status >= 500)
  if (failed.length > 0)
    return {
      name,
      passed: false,
      found: `${failed.length} of ${all} requests failed, one with ${failed[0]!.status}: ${failed[0]!.error}`,
    }
  const invalid = answers.filter(({ isValid }) => !isValid).length
  if (invalid > 0)
    return { name, passed: false, found: `${invalid} of ${all} answers had an output that is no number.` }
  const refused = answers.filter(({ status }) => status >= 400)
  if (refused.length === all)
    return { name, passed: false, found: `All of ${all} requests were refused, one with: ${refused[0]!.error}` }
  const made = [
    ...(recorded.length > 0 ? [`${recorded.length} recorded`] : []),
    ...(known.length > 0 ? [`${known.length} of known values`] : []),
  ].join(', ')
  const bound = `by that at most ${(300 / (all - refused.length)).toPrecision(2)} % do, at 95 %`
  const some = refused.length > 0 ? ` ${refused.length} were refused, one with: ${refused[0]!.error}` : ''
  return { name, passed: true, found: `None of ${all} requests (${made}) failed; ${bound}.${some}` }
}
