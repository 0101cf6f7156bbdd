/** What a model has run since it was loaded. */
export interface RunTally {
  /** Calls of the model, and rows in them: their ratio is the mean batch. */
  runs: number
  rows: number
  /** How long requests waited for their run, added up, in milliseconds. */
  queuedMs: number
  /** Runs and their time in milliseconds by number of rows, as far as `sizeMax`. */
  readonly sizes: Map<number, { runs: number; ms: number }>
}

/** Larger runs are counted without their size: each request could have another. */
const sizeMax = 256

export const newTally = (): RunTally => ({ runs: 0, rows: 0, queuedMs: 0, sizes: new Map() })

/** Counts one call of the model. */
export function tally(into: RunTally, { rows, queuedMs, ms }: { rows: number; queuedMs: number; ms: number }): void {
  into.runs++
  into.rows += rows
  into.queuedMs += queuedMs
  if (rows > sizeMax) return
  const size = into.sizes.get(rows)
  if (!size) return void into.sizes.set(rows, { runs: 1, ms })
  size.runs++
  size.ms += ms
}

/** As if nothing had been run. */
export function forget(into: RunTally): void {
  Object.assign(into, { runs: 0, rows: 0, queuedMs: 0 })
  into.sizes.clear()
}
