import type { Column } from './bind.ts'
import { turnedAway, type RequestError } from './request-error.ts'
import { createRunCost } from './run-cost.ts'
import { newTally, tally, type RunTally } from './run-tally.ts'
import { ModelFault, type OutputColumn, type Rows, type Runtime, type TextListener } from './runtime.ts'
import { createWaitingLine, type InLine } from './waiting-line.ts'

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
  /** It gives way: half of the rows that may wait may be of batches, and they leave when others need the room. */
  readonly isBatch?: boolean | undefined
  /** Of one row: who hears its text. Rejects at once with the reason of its signal; what is not needed any more is not begun. */
  readonly listener?: TextListener | undefined
  /** Of the predictions, one for each row, for a graph to hand on. */
  readonly ids?: readonly string[]
}

interface Waiting extends Rows, InLine {
  readonly rows: number
  readonly since: number
  readonly until: number
  resolve(outputs: readonly OutputColumn[]): void
  reject(error: unknown): void
}

/** Of the rows that may wait, how many may be there when one of a batch comes. */
const batchShare = 0.5
/** How long a request waits for its turn that says nothing else. */
const usualWaitMs = 30_000

/**
 * Greedy batching: no timer, nothing to tune. What has arrived when the runtime is free runs together; a lone request
 * waits for nobody. Measured twice as many requests per second as one run each, at half the latency.
 */
export function createBatcher(runtime: Runtime): Batcher {
  const line = createWaitingLine<Waiting>()
  const ran = newTally()
  const cost = createRunCost()
  let scheduled = false
  let running = { rows: 0, since: 0 }

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => void flush())
  }

  async function flush(): Promise<void> {
    await runtime.awake?.()
    const batch = inTime(line.take(runtime.rowsPerRun))
    if (batch.length > 0) {
      running = { rows: rowsOf(batch), since: performance.now() }
      await answer(runtime, batch, (rows, queuedMs, ms) => {
        cost.learn(rows, ms)
        tally(ran, { rows, queuedMs, ms })
      })
      running = { rows: 0, since: 0 }
    }
    scheduled = false
    if (line.requests > 0) schedule()
  }

  /** How long the rows take that are before one that comes now, in milliseconds. */
  function aheadMs(now: number, isBatch: boolean): number {
    const current = running.rows === 0 ? 0 : cost.of(1, running.rows) - (now - running.since)
    const rows = line.rowsBefore(isBatch)
    return Math.max(0, current) + cost.of(Math.ceil(rows / runtime.rowsPerRun), rows)
  }

  /** Why rows are not taken on; undefined when they are. A lone request always is. */
  function refused(
    rows: number,
    now: number,
    { until, queueRows, isBatch }: Pick<Required<Patience>, 'until' | 'queueRows' | 'isBatch'>,
  ): RequestError | undefined {
    if (line.requests === 0 && running.rows === 0) return undefined
    const ahead = aheadMs(now, isBatch === true)
    const room = Math.min(queueRows ?? Infinity, runtime.rowsWaitingMax) * (isBatch ? batchShare : 1)
    const missing = line.requests > 0 ? line.rows + rows - room : 0
    if (missing > 0) {
      const full = turnedAway('queue', `${line.rows} rows wait for this model already. Try again later.`, ahead)
      if (isBatch || !makeRoom(missing, full)) return full
    }
    if (now + ahead + cost.of(0, rows) <= until) return undefined
    return turnedAway('deadline', `The rows before it take longer than the request has. Try again later.`, ahead)
  }

  /** Whether batches have left so many rows. */
  function makeRoom(rows: number, why: RequestError): boolean {
    const gone = line.giveWay(rows)
    for (const { reject } of gone) reject(why)
    return gone.length > 0
  }

  return {
    run(rows, columns, { until, queueRows, runMs, isBatch = false, listener } = {}) {
      const now = performance.now()
      const patience = { until: until ?? now + usualWaitMs, queueRows, isBatch }
      const error = refused(rows, now, patience)
      if (error) return Promise.reject(error)
      if (listener?.signal.aborted) return Promise.reject(listener.signal.reason)
      return new Promise((resolve, reject) => {
        line.add({ rows, columns, runMs, isBatch, listener, since: now, until: patience.until, resolve, reject })
        listener?.signal.addEventListener('abort', () => reject(listener.signal.reason), { once: true })
        schedule()
      })
    },
    get waiting() {
      return { rows: line.rows, requests: line.requests }
    },
    tally: ran,
  }
}

const rowsOf = (batch: readonly Rows[]): number => batch.reduce((sum, { rows }) => sum + rows, 0)

/** Those that somebody still waits for; the others are told. */
function inTime(batch: readonly Waiting[]): readonly Waiting[] {
  const now = performance.now()
  return batch.filter(({ until, reject, listener }) => {
    if (listener?.signal.aborted) return false
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
