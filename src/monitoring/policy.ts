import { cleanWindowsMin, type IncidentKind } from './incident.ts'
import type { Signal, SignalKind } from './signal.ts'

/** Signals that may open an incident by themselves. Drift may not: it starts an evaluation. */
export const pagingKinds = ['contract', 'performance', 'service'] as const satisfies readonly (IncidentKind &
  SignalKind)[]
export type PagingKind = (typeof pagingKinds)[number]

/** What a judgement means for the incident of one kind. */
export type Step = 'none' | 'open' | 'continue' | 'clean' | 'resolve'

/**
 * What to do about one kind of incident after a window.
 *
 * @param signal The window's signal of that kind.
 * @param open The unresolved incident with its clean windows so far, if there is one.
 */
export function stepOf(signal: Signal | undefined, open: { readonly clean: number } | undefined): Step {
  if (!signal || signal.state === 'insufficient') return 'none'
  if (signal.state === 'alarm') return open ? 'continue' : 'open'
  if (!open || signal.state === 'warn') return open && open.clean > 0 ? 'continue' : 'none'
  return open.clean + 1 >= cleanWindowsMin ? 'resolve' : 'clean'
}

/** The signal of a paging kind that this judgement tells for the first time; a window judged again repeats the others. */
export function newSignal(
  kind: PagingKind,
  signals: readonly Signal[],
  former: readonly Signal[] | undefined,
): Signal | undefined {
  const now = signals.find(signal => signal.kind === kind)
  const before = former?.find(signal => signal.kind === kind)
  const isRepeat = before !== undefined && before.state !== 'insufficient' && before.state === now?.state
  return isRepeat ? undefined : now
}

/** What to do about drift: it sets in once, and ends after three windows without. */
export function driftStep(
  hasDrift: boolean,
  monitor: { readonly driftWindow: string | undefined; readonly driftClean: number },
): 'none' | 'onset' | 'lasting' | 'clean' | 'end' {
  if (hasDrift) return monitor.driftWindow === undefined ? 'onset' : 'lasting'
  if (monitor.driftWindow === undefined) return 'none'
  return monitor.driftClean + 1 >= cleanWindowsMin ? 'end' : 'clean'
}
