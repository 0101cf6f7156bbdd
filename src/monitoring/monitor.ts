import type { z } from 'zod'
import type { Id } from '#kernel/id.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Performance } from './performance.ts'
import type { Signal } from './signal.ts'
import type { windowStates } from './events.ts'
import type { MonitorWire } from './wire.ts'

/** What the pages show of a monitor. */
export type MonitorSummary = z.output<typeof MonitorWire>
export type MonitorState = MonitorSummary['state']
export type WindowId = Id<'window'>
export type WindowState = (typeof windowStates)[number]

/** What watches one deployment: made with it, nothing to configure. */
export interface Monitor {
  readonly deployment: string
  readonly project: string
  readonly model: string
  /** The revision that has most of the traffic, and its model version. */
  readonly revision: string
  readonly version: string
  /** Where the window that is filling begins. */
  readonly openFrom: number | undefined
  /** The newest event time of a prediction. */
  readonly watermark: number | undefined
  /** Predictions that wait for their window to close. */
  readonly pending: number
  readonly predictions: number
  /** Number of the last event that was counted. */
  readonly seen: number
  /** Predictions whose truth is known. */
  readonly labelled: number
  /** The window in which drift set in, while it lasts; then the clean windows since. */
  readonly driftWindow: string | undefined
  readonly driftClean: number
}

/** A window as it is kept: cut when it is full, judged by a run, judged again when more truth is known. */
export interface KeptWindow {
  readonly id: WindowId
  readonly deployment: string
  readonly project: string
  readonly revision: string
  readonly from: Millis
  readonly to: Millis
  readonly isJudged: boolean
  /** Key of the task that judged it last. */
  readonly judgedBy: string | undefined
  readonly rows: number
  /** Rows with a score of the window's revision, and those of them whose truth is known. */
  readonly scored: number
  readonly labelled: number
  /** The monitor's `labelled` when it was judged. */
  readonly truthSeen: number
  readonly state: WindowState
  readonly signals: readonly Signal[]
  readonly performance: Performance | undefined
  readonly reference: string
  readonly evaluatedAt: Millis | undefined
}

/** Alarms that open an incident make a window alarming; other findings and drift that lasts are a warning. */
export function windowState(signals: readonly Signal[]): WindowState {
  const pages = (signal: Signal): boolean =>
    signal.kind === 'contract' || signal.kind === 'performance' || signal.kind === 'service'
  if (signals.some(signal => pages(signal) && signal.state === 'alarm')) return 'alarm'
  return signals.some(signal => signal.state === 'warn' || signal.state === 'alarm') ? 'warn' : 'ok'
}

/** How many more truths must have come in before judging a window again can tell more. Infinity: never. */
export function truthsMissing(
  { scored, labelled }: Pick<KeptWindow, 'scored' | 'labelled'>,
  labelMaturity: number,
): number {
  if (labelled >= scored) return Infinity
  const needed = Math.ceil(scored * labelMaturity)
  return labelled < needed ? needed - labelled : scored - labelled
}
