import type { Column } from './bind.ts'
import { turnedAway, type RequestError } from './request-error.ts'
import { createRunCost } from './run-cost.ts'
import { newTally, tally, type RunTally } from './run-tally.ts'
import { ModelFault, type OutputColumn, type Rows, type Runtime } from './runtime.ts'

/** Runs rows through a model. Rows that arrive in the same turn of the event loop share one run. */
export interface Batcher {
  /**
   * Rejects with a `RequestError` when the rows are turned away: too many wait already, or those before them take longer
   * than they have. Rejects with {@link ModelFault} 504 when their time was up before their turn.
   */
  run(rows: number, columns: readonly Column[], patience?: Patience): Promise<readonly OutputColumn[]>
  /** What waits for its turn. */
  readonly waiting: { readonly rows: number; readonly requests: number }
  /** What has been run so far. */
  readonly tally: RunTally
}

export interface Patience {
  /** On the clock of `performance.now()`: nobody waits for the answer after it. */
  readonly until?: number
  /** Rows that may wait at the same time; those of the runtime when there are fewer. */
  readonly queueRows?: number | undefined
  /** How long its run may take, in milliseconds, where that is more than the runtime gives. */
  readonly runMs?: number | undefined
  /** Of the predictions, one for each row, for a graph to hand on. */
  readonly ids?: readonly string[]
}

interface Waiting extends Rows {
  readonly since: number
  readonly until: number
  resolve(outputs: readonly OutputColumn[]): void
  reject(error: unknown): void
}

/** How long a request waits for its turn that says nothing else. */
const usualWaitMs = 30_000

/**
 * Greedy batching: no timer, nothing to tune. What has arrived when the runtime is free runs together; a lone request
 * waits for nobody. Measured twice as many requests per second as one run each, at half the latency (specs/5, 3.8).
 */
export function createBatcher(runtime: Runtime): Batcher {
  const queue: Waiting[] = []
  const ran = newTally()
  const cost = createRunCost()
  let waitingRows = 0
  let scheduled = false
  let running = { rows: 0, since: 0 }

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => void flush())
  }

  function take(): Waiting[] {
    let count = 1
    for (let rows = queue[0]!.rows; count < queue.length; count++) {
      rows += queue[count]!.rows
      if (rows > runtime.rowsPerRun) break
    }
    const batch = queue.splice(0, count)
    for (const { rows } of batch) waitingRows -= rows
    return batch
  }

  async function flush(): Promise<void> {
    await runtime.awake?.()
    const batch = inTime(take())
    if (batch.length > 0) {
      running = { rows: rowsOf(batch), since: performance.now() }
      await answer(runtime, batch, (rows, queuedMs, ms) => {
        cost.learn(rows, ms)
        tally(ran, { rows, queuedMs, ms })
      })
      running = { rows: 0, since: 0 }
    }
    scheduled = false
    if (queue.length > 0) schedule()
  }

  /** How long the rows that are there take, in milliseconds. */
  function aheadMs(now: number): number {
    const current = running.rows === 0 ? 0 : cost.of(1, running.rows) - (now - running.since)
    return Math.max(0, current) + cost.of(Math.ceil(waitingRows / runtime.rowsPerRun), waitingRows)
  }

  /** Why rows are not taken on; undefined when they are. A lone request always is. */
  function refused(
    rows: number,
    now: number,
    { until, queueRows }: Pick<Required<Patience>, 'until' | 'queueRows'>,
  ): RequestError | undefined {
    if (queue.length === 0 && running.rows === 0) return undefined
    const ahead = aheadMs(now)
    if (queue.length > 0 && waitingRows + rows > Math.min(queueRows ?? Infinity, runtime.rowsWaitingMax))
      return turnedAway('queue', `${waitingRows} rows wait for this model already. Try again later.`, ahead)
    if (now + ahead + cost.of(0, rows) <= until) return undefined
    return turnedAway('deadline', `The rows before it take longer than the request has. Try again later.`, ahead)
  }

  return {
    run(rows, columns, { until, queueRows, runMs } = {}) {
      const now = performance.now()
      const patience = { until: until ?? now + usualWaitMs, queueRows }
      const error = refused(rows, now, patience)
      if (error) return Promise.reject(error)
      return new Promise((resolve, reject) => {
        queue.push({ rows, columns, runMs, since: now, until: patience.until, resolve, reject })
        waitingRows += rows
        schedule()
      })
    },
    get waiting() {
      return { rows: waitingRows, requests: queue.length }
    },
    tally: ran,
  }
}

const rowsOf = (batch: readonly Rows[]): number => batch.reduce((sum, { rows }) => sum + rows, 0)

/** Those that somebody still waits for; the others are told. */
function inTime(batch: readonly Waiting[]): readonly Waiting[] {
  const now = performance.now()
  return batch.filter(({ until, reject }) => {
    if (until >= now) return true
    reject(new ModelFault('deadline_exceeded', 'The time of the request was up before its turn came: it was not run.'))
    return false
  })
}

/** Told of each run: its rows, how long they waited, added up, and how long it took, in milliseconds. */
type Told = (rows: number, queuedMs: number, ms: number) => void

async function answer(runtime: Runtime, batch: readonly Waiting[], told: Told): Promise<void> {
  const startedAt = performance.now()
  try {
    const answers = await runtime.run(batch)
    const queuedMs = batch.reduce((sum, { since }) => sum + startedAt - since, 0)
    told(rowsOf(batch), queuedMs, performance.now() - startedAt)
    for (const [index, { resolve }] of batch.entries()) resolve(answers[index]!)
  } catch (error) {
    // One request may not spoil the answers of the others.
    const isOfRows = !(error instanceof ModelFault) || error.isOfRows
    if (isOfRows && batch.length > 1) for (const waiting of batch) await answer(runtime, [waiting], told)
    else for (const { reject } of batch) reject(error)
  }
}
