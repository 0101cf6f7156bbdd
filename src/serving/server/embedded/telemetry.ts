import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PredictionLog } from '../prediction-log.ts'
import { linesNamed, openSpool } from './spool.ts'
import { tell, type Intake } from './tell.ts'

/** Where predictions are told, and where they wait until they are. */
export interface TelemetryOptions extends Intake {
  /** Where predictions wait; one folder may serve several processes. In the system's folder for temporary files when left out. */
  readonly folder?: string
  /** How much may wait there; then the oldest are let go. 64 MiB when left out. */
  readonly bytesMax?: number
}

export interface TelemetryState {
  /** Lines that the platform has taken, and those that it refused. */
  readonly sent: number
  readonly refused: number
  /** Lines that were let go because too much waited or nothing could be written. */
  readonly dropped: number
  /** Why the last attempt failed; absent when it did not. */
  readonly error?: string
}

/** Tells the platform of predictions, later: it never fails and never waits. */
export interface Telemetry extends Pick<PredictionLog, 'append'> {
  state(): TelemetryState
  /** Tries once more to send what waits. */
  close(): Promise<void>
}

const [pauseMsMin, pauseMsMax] = [1_000, 300_000]
const bytesMaxUsual = 64 * 1024 * 1024

/** Files are sent oldest first, and again until the platform has answered; what was sent twice counts once. */
export function openTelemetry(deployment: string, options: TelemetryOptions): Telemetry {
  const folder = options.folder ?? join(tmpdir(), 'trainyard-telemetry', deployment)
  const counts = { sent: 0, refused: 0, dropped: 0 }
  let error: string | undefined
  let timer: NodeJS.Timeout | undefined
  let pauseMs = pauseMsMin
  let isClosed = false
  let sending: Promise<void> | undefined

  const note = (thrown: unknown): void => void (error = thrown instanceof Error ? thrown.message : String(thrown))

  function schedule(afterMs: number): void {
    if (timer || isClosed) return
    const jitter = 0.5 + Math.random()
    timer = setTimeout(() => {
      timer = undefined
      void sendAll()
    }, afterMs * jitter).unref()
  }

  const spool = openSpool({
    folder,
    bytesMax: options.bytesMax ?? bytesMaxUsual,
    onClosed: () => schedule(0),
    onDropped: lines => void (counts.dropped += lines),
    onError: note,
  })

  async function send(name: string): Promise<void> {
    const body = await readFile(join(folder, name)).catch(() => undefined)
    // Another process has sent it.
    if (!body) return
    const { taken, refused } = await tell(deployment, options, { body, lines: linesNamed(name) })
    counts.sent += taken
    counts.refused += refused
    await rm(join(folder, name), { force: true })
  }

  async function attempt(): Promise<void> {
    try {
      for (const name of await spool.closed()) await send(name)
      pauseMs = pauseMsMin
      error = undefined
    } catch (thrown) {
      note(thrown)
      schedule(pauseMs)
      pauseMs = Math.min(pauseMsMax, pauseMs * 2)
    }
  }

  const sendAll = (): Promise<void> => (sending ??= attempt().finally(() => void (sending = undefined)))

  // What was left by processes before this one.
  void spool.rotate().then(() => schedule(0))
  return {
    append: async lines => spool.append(lines),
    state: () => ({ ...counts, ...(error !== undefined && { error }) }),
    async close() {
      if (isClosed) return
      isClosed = true
      await spool.close()
      clearTimeout(timer)
      await sending
      await sendAll()
    },
  }
}
