/** Where a model computes: in the process of the server itself, in a thread of its own there, or in a process of its own. */
export type Place = 'inline' | 'thread' | 'process'

/** Where a model of ONNX computes, and why. */
export interface Placement {
  readonly place: Place
  /** What a run of one row took when it was measured, in milliseconds; undefined when it has not been. */
  readonly rowMs: number | undefined
  /** The reason, as the end of a sentence. */
  readonly why: string
}

/**
 * As long as a run takes nobody else is answered, which is less than a thread costs where it is short; what is long takes a
 * process, as only that can be ended in the middle of a run: ONNX Runtime for Node.js runs to the end in the thread that asks.
 */
const threadMs = 0.5
const processMs = 5

/** How long a row may take while it is measured, in milliseconds: what is longer needs no better figure. */
export const measureMsMax = 1_000

export function placementOf(rowMs: number): Placement {
  const place = rowMs < threadMs ? 'inline' : rowMs <= processMs ? 'thread' : 'process'
  return { place, rowMs, why: `a row takes ${rowMs.toPrecision(3)} ms` }
}

/**
 * The same of a model that may turn as often as a request says: no example tells what that takes, so it computes where it can
 * be ended. Where no process could be started to measure it, it stays.
 */
export const apart = (measured: Placement): Placement =>
  measured.rowMs === undefined || measured.place === 'process'
    ? measured
    : { ...measured, place: 'process', why: 'it has a loop, which may turn as often as a request says' }

const phrases: Readonly<Record<Place, string>> = {
  inline: 'in the process of the server',
  thread: 'in a thread of its own',
  process: 'in a process of its own',
}

export const placementSentence = (model: string, { place, why }: Placement): string =>
  `Model ${model} computes ${phrases[place]}: ${why}.`
