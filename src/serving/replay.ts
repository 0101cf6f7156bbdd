import { binCount, countBins, psi, psiNoiseFloor, quantileBinning, signTest } from '#statistics'
import type { Golden } from './bundle.ts'
import type { Check } from './check.ts'
import { isSameAnswer } from './same-answer.ts'
import { saysSame } from './server/agreement.ts'

/**
 * Champion and challenger on the champion's own requests, before the challenger meets one: what the champion was asked is
 * asked again, and the answers are compared. Pure: what was answered in, a verdict out.
 */

/** A request of the champion, as the prediction log has it. */
export interface ReplayRow extends Golden {
  /** What became true, if it is known. */
  readonly truth?: number | undefined
}

export interface Replayed extends ReplayRow {
  /** What the challenger answers; undefined when it fails at the row. */
  readonly answer: Golden['outputs'] | undefined
}

export interface ReplayRules {
  /** By how much the answers may be distributed otherwise. */
  readonly psi: number
  /** To which share of the rows both must say the same. */
  readonly agreement?: number | undefined
}

/** Fewer rows say too little. */
const rowsMin = 50
const failuresMax = 0.01
const bins = 10
/** How often chance alone may stop a challenger that is as good. */
const alpha = 0.01

/** @param score The output that is compared with the truth. */
export function judgeReplay(rows: readonly Replayed[], score: string, rules: ReplayRules): Check {
  const name = 'replay'
  if (rows.length < rowsMin)
    return {
      name,
      passed: true,
      found: `The log has ${rows.length} requests to replay, below ${rowsMin}: nothing is compared.`,
    }
  const answered = rows.filter(({ answer }) => answer !== undefined)
  const failed = rows.length - answered.length
  if (failed > failuresMax * rows.length)
    return {
      name,
      passed: false,
      found: `It fails at ${failed} of ${rows.length} requests that the champion has answered.`,
    }
  const findings = [agreementOf(answered, rules), stabilityOf(answered, rules), truthOf(answered, score)]
  return {
    name,
    passed: findings.every(({ passed }) => passed),
    found: `Of ${rows.length} requests to the champion ${findings.map(({ found }) => found).join('; ')}.`,
  }
}

type Finding = Pick<Check, 'passed' | 'found'>

function agreementOf(rows: readonly Replayed[], { agreement = 0 }: ReplayRules): Finding {
  const agreed = rows.filter(({ outputs, answer }) =>
    Object.entries(outputs).every(
      ([output, value]) => answer![output] === undefined || saysSame(output, value as never, answer![output] as never),
    ),
  ).length
  const passed = agreed >= agreement * rows.length
  return { passed, found: `it says the same to ${agreed}${passed ? '' : `, below the share ${agreement}`}` }
}

/** The largest stability index of the outputs that are numbers; what chance makes of so few rows is no shift. */
function stabilityOf(rows: readonly Replayed[], rules: ReplayRules): Finding {
  const numeric = Object.entries(rows[0]!.outputs).filter(([, value]) => typeof value === 'number')
  const found = numeric.map(([output]) => {
    const before = rows.map(({ outputs }) => outputs[output] as number)
    const after = rows.map(({ answer }) => answer![output] as number)
    const binning = quantileBinning(before, bins)
    const floor = psiNoiseFloor({ bins: binCount(binning), reference: rows.length, current: rows.length, alpha })
    return {
      output,
      value: psi(countBins(binning, before), countBins(binning, after)),
      allowed: Math.max(rules.psi, floor),
    }
  })
  const worst = found.toSorted((a, b) => b.value - a.value)[0]
  if (!worst) return { passed: true, found: 'no output is a number' }
  const passed = worst.value <= worst.allowed
  const words = `the index of ${worst.output} is ${worst.value.toFixed(3)}`
  return { passed, found: passed ? words : `${words}, above ${worst.allowed.toFixed(3)}` }
}

/** Whether its answers are farther from what became true, by the signs of the differences. */
function truthOf(rows: readonly Replayed[], score: string): Finding {
  let [nearer, farther] = [0, 0]
  for (const { outputs, answer, truth } of rows) {
    const [before, after] = [outputs[score], answer![score]]
    if (truth === undefined || typeof before !== 'number' || typeof after !== 'number') continue
    if (isSameAnswer(after, before)) continue
    const difference = Math.abs(after - truth) - Math.abs(before - truth)
    if (difference < 0) nearer++
    if (difference > 0) farther++
  }
  if (nearer + farther === 0) return { passed: true, found: 'of none the truth tells them apart' }
  const p = signTest(nearer, farther)
  const found = `it is nearer to the truth in ${nearer} and farther from it in ${farther} (p = ${p.toPrecision(2)})`
  return { passed: p >= alpha, found }
}
