import type { z } from 'zod'
import type { Frame } from './frame.ts'
import type { Metric } from './performance.ts'
import type { Span } from './season.ts'
import type { Signal } from './signal.ts'
import type { WindowWire } from './wire.ts'

/** A judged stretch of event time: what was measured in it, and with what it was compared. */
export type Window = z.output<typeof WindowWire>

/** The rows of one window. */
export interface WindowRows {
  readonly span: Span
  /** At most 20 000 of its answered predictions; scores and truth of the window's own revision only. */
  readonly frame: Frame
  /** Predictions in the window, those that failed included. */
  readonly rows: number
  readonly errors: number
}

/** How predictions are judged. */
export interface Rule {
  readonly metric: Metric
  /** Share of a window's predictions whose truth must be known. */
  readonly labelMaturity: number
}

/** What the windows beside this one, of the same revision, have shown. */
export interface Neighbours {
  /** Signals of the windows before, newest first. */
  readonly before: readonly (readonly Signal[])[]
  /** z of the judged windows next before and next after. */
  readonly z: readonly (number | undefined)[]
}
