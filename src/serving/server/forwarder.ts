import { readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { closedSegments, type ClosedSegment } from '../closed-segments.ts'
import { tell, type Intake } from './embedded/tell.ts'

/**
 * Sends the segments of the prediction log to the platform's model server where no control plane collects them: in a pod of
 * a cluster. What was written down waits on the disk until the platform has answered, and is sent again until then.
 */
export interface Forwarder {
  tally(): ForwarderTally
  /** Sends what is closed by now, once, and ends. */
  stop(): Promise<void>
}

export interface ForwarderTally {
  /** Lines that the platform has taken, those that it refused, and those that were let go because too much waited. */
  readonly sent: number
  readonly refused: number
  readonly dropped: number
}

export interface ForwarderParts {
  /** Of the segments. */
  readonly folder: string
  readonly intake: Intake
  /** What may wait; then the oldest are let go. */
  readonly bytesMax: number
  readonly warn: (sentence: string) => void
}

const [everyMs, pauseMsMax] = [1_000, 60_000]
/** Lines of one request, half of what is taken at once. */
const linesMax = 5_000
const segmentsPerPass = 64

export function startForwarder({ folder, intake, bytesMax, warn }: ForwarderParts): Forwarder {
  const tally = { sent: 0, refused: 0, dropped: 0 }
  const stopping = new AbortController()

  async function sendAll(): Promise<void> {
    await makeRoom()
    for (;;) {
      const pass = await closedSegments(folder, segmentsPerPass)
      for (const segment of pass) await send(segment)
      if (pass.length < segmentsPerPass) return
    }
  }

  async function send({ path }: ClosedSegment): Promise<void> {
    for (const [deployment, lines] of linesByDeployment(await readFile(path, 'utf8')))
      for (let start = 0; start < lines.length; start += linesMax) {
        const part = lines.slice(start, start + linesMax)
        const { taken, refused } = await tell(deployment, intake, { body: part.join('\n'), lines: part.length })
        tally.sent += taken
        tally.refused += refused
        if (refused > 0)
          warn(`${refused} of ${part.length} predictions of ${deployment} were refused by ${intake.url}.`)
      }
    await rm(path, { force: true })
  }

  async function makeRoom(): Promise<void> {
    const waiting = await closedSegments(folder, Infinity)
    let bytes = waiting.reduce((sum, segment) => sum + segment.bytes, 0)
    for (const segment of waiting) {
      if (bytes <= bytesMax) return
      const lines = (await readFile(segment.path, 'utf8')).split('\n').length - 1
      await rm(segment.path, { force: true })
      tally.dropped += lines
      bytes -= segment.bytes
      warn(`${lines} predictions were let go: more than ${bytesMax} bytes waited to be sent to ${intake.url}.`)
    }
  }

  async function run(): Promise<void> {
    const { signal } = stopping
    for (let pauseMs = everyMs; !signal.aborted;) {
      const isDone = await sendAll().then(
        () => true,
        (error: unknown) => {
          if (pauseMs === everyMs) warn(`Predictions wait: ${intake.url} cannot be told: ${String(error)}`)
          return false
        },
      )
      pauseMs = isDone ? everyMs : Math.min(pauseMsMax, pauseMs * 2)
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
    }
  }

  const running = run()
  return {
    tally: () => tally,
    async stop() {
      stopping.abort()
      await running
      await sendAll().catch((error: unknown) => warn(`Predictions are left behind: ${String(error)}`))
    },
  }
}

/** Each line names its deployment. */
function linesByDeployment(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    // What is torn was never answered.
    if (!line.endsWith('}')) continue
    const { deployment } = JSON.parse(line) as { deployment: string }
    const known = found.get(deployment)
    if (known) known.push(line)
    else found.set(deployment, [line])
  }
  return found
}
