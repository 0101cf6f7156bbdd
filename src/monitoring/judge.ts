import { rankCauses, type Cause } from './cause.ts'
import { brokenRows, contractViolations, type Violation } from './contract.ts'
import { driftSignals } from './drift-signals.ts'
import { rowCount, take, type Frame } from './frame.ts'
import type { Performance } from './performance.ts'
import { performanceOf } from './performance-signal.ts'
import type { Reference } from './reference.ts'
import { compareWith } from './season.ts'
import { segmentsOf, unseenRows } from './segment.ts'
import { persistentState, type Signal } from './signal.ts'
import type { Neighbours, Rule, WindowRows } from './window.ts'

export interface Judgement {
  readonly signals: readonly Signal[]
  readonly performance?: Performance
  /** Which rows the window was compared with, for people. */
  readonly reference: string
  readonly violations: readonly Violation[]
  readonly causes: readonly Cause[]
  /** Sentences about entities, worst first. */
  readonly segments: readonly string[]
}

const errorShareWarn = 0.01
const errorShareAlarm = 0.05
const badRowShare = 0.01
const badRowsMin = 5

/** Compares a window with its reference. Without a reference only errors and calibration can be judged. */
export async function judge(
  window: WindowRows,
  reference: Reference | undefined,
  rule: Rule,
  neighbours: Neighbours,
): Promise<Judgement> {
  const performance = performanceOf({ window, reference, rule, neighbours })
  const service = serviceSignal(window)
  if (!reference) {
    const text = 'no training set is known for this version: inputs are not compared'
    return {
      signals: [...performance.signals, service],
      performance: performance.performance,
      reference: text,
      violations: [],
      causes: [],
      segments: [],
    }
  }
  const comparison = compareWith(reference.frame.at, window.span)
  const violations = contractViolations(reference.frame, window.frame)
  const drift = await driftSignals({ window, reference, comparison, neighbours })
  const segments = segmentsOf(rule.metric, window.frame)
  const unseen = countByKey(take(window.frame, unseenRows(reference.frame, window.frame)))
  return {
    signals: [contractSignal(window, violations, neighbours), ...performance.signals, ...drift.signals, service],
    performance: performance.performance,
    reference: `${reference.source}; ${comparison.text}`,
    violations,
    causes: rankCauses({
      features: drift.moved,
      segments,
      entity: reference.entity,
      unseen,
      rows: rowCount(window.frame),
    }),
    segments: segments.map(segment => segment.sentence),
  }
}

/** Broken rows need no second window, unless they are few. */
function contractSignal({ frame }: WindowRows, violations: readonly Violation[], { before }: Neighbours): Signal {
  const rows = brokenRows(violations)
  const score = rows / Math.max(1, rowCount(frame))
  const [worst] = violations
  const because = worst
    ? `${worst.column}: ${worst.found}; allowed: ${worst.allowed}.`
    : 'Type, range, sign, missing and constant values as in the training set.'
  const lasting = persistentState(rows > 0, signal => signal.kind === 'contract', before)
  const state = score > badRowShare && rows >= badRowsMin ? 'alarm' : lasting
  return { kind: 'contract', name: 'rows', state, score, threshold: badRowShare, because }
}

function serviceSignal({ rows, errors }: WindowRows): Signal {
  const score = errors / Math.max(1, rows)
  const isMany = errors >= badRowsMin
  const state = isMany && score >= errorShareAlarm ? 'alarm' : isMany && score >= errorShareWarn ? 'warn' : 'ok'
  return {
    kind: 'service',
    name: 'errors',
    state,
    score,
    threshold: errorShareAlarm,
    because: `${errors} of ${rows} predictions failed.`,
  }
}

function countByKey(frame: Frame): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const key of frame.key) if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
