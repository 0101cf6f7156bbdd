import type { z } from 'zod'
import type { SignalWire, signalKinds } from './wire.ts'

/** One thing measured in one window. */
export type Signal = z.output<typeof SignalWire>
export type SignalKind = (typeof signalKinds)[number]

/** Signals that say that the input or the output has moved. They start an evaluation and never page. */
export const driftKinds: readonly SignalKind[] = ['feature_drift', 'prediction_drift', 'missing']

/**
 * A window that exceeds is a warning; it alarms when one of the two windows before it exceeded too.
 *
 * @param before Signals of the two windows before, newest first.
 */
export function persistentState(
  exceeds: boolean,
  isSame: (signal: Signal) => boolean,
  before: readonly (readonly Signal[])[],
): 'ok' | 'warn' | 'alarm' {
  if (!exceeds) return 'ok'
  const again = before.slice(0, 2).some(signals => signals.some(signal => isSame(signal) && hasExceeded(signal)))
  return again ? 'alarm' : 'warn'
}

export const hasExceeded = (signal: Signal): boolean => signal.state === 'warn' || signal.state === 'alarm'

export const isAlarm = (signal: Signal): boolean => signal.state === 'alarm'

/** Drift that has lasted: what a window found beyond doubt. */
export const driftAlarms = (signals: readonly Signal[]): readonly Signal[] =>
  signals.filter(signal => driftKinds.includes(signal.kind) && isAlarm(signal))
