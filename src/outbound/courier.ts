import type { Clock, Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import type { Attempted, DeliveryQueue, Queued, Taken } from './queue.ts'
import type { Heard, Retry } from './retry.ts'

/**
 * Carries due deliveries out until stopped: ten at a time, and to a receiver one after the other, so that one that is
 * slow or away holds up nobody. What it dies with is taken up by the next one.
 */
export interface Courier {
  start(): void
  stop(): Promise<void>
  /** Something has become due. */
  wake(): void
}

export interface CourierParts<Delivery extends Queued> {
  readonly queue: DeliveryQueue<Delivery>
  /**
   * Takes it to its receiver. Throws a `TrainyardError` when no try can succeed, unless that is `unavailable`; another
   * error when the receiver was not reached.
   */
  send(delivery: Delivery): Promise<Heard & { readonly text: string }>
  readonly retry: Retry
  readonly clock: Clock
  warn(facts: object, message: string): void
}

const atOnce = 10
/** Longer than the timeout of a request. */
const holdMs = 60_000
const pauseMaxMs = 5_000

export function createCourier<Delivery extends Queued>(parts: CourierParts<Delivery>): Courier {
  const { queue, clock, warn } = parts
  const busy = new Map<string, Promise<void>>()
  let wakeUp = (): void => {}
  let isAwake = false
  let running: Promise<void> | undefined
  let isStopping = false

  const wake = (): void => {
    isAwake = true
    wakeUp()
  }

  async function run(): Promise<void> {
    while (!isStopping) {
      isAwake = false
      const idleMs = await round().catch(error => {
        warn({ err: error }, 'deliveries could not be read')
        return pauseMaxMs
      })
      if (idleMs > 0 && !isAwake && !isStopping) await pause(idleMs)
    }
    await Promise.all(busy.values())
  }

  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Sets off what is due, and answers how long nothing will be. */
  async function round(): Promise<number> {
    const limit = atOnce - busy.size
    // The next that comes back wakes this up.
    if (limit <= 0) return pauseMaxMs
    const now = clock.now()
    const except = [...busy.keys()]
    const taken = await queue.take({ now, until: (now + holdMs) as Millis, limit, except })
    for (const one of taken) busy.set(one.lane, carry(one))
    if (taken.length > 0) return 0
    const due = await queue.nextDue(except)
    return Math.min(Math.max((due ?? Infinity) - clock.now(), 0), pauseMaxMs)
  }

  async function carry({ lane, delivery }: Taken<Delivery>): Promise<void> {
    try {
      const attempted = await attempt(parts, delivery)
      crashPoint('outbound.sent')
      await queue.conclude(delivery.id, attempted)
    } catch (error) {
      warn({ delivery: delivery.id, err: error }, 'what became of a delivery could not be kept; it is sent again')
    } finally {
      busy.delete(lane)
      wake()
    }
  }

  return {
    start() {
      isStopping = false
      running ??= run()
    },
    async stop() {
      isStopping = true
      wakeUp()
      await running
      running = undefined
    },
    wake,
  }
}

async function attempt<Delivery extends Queued>(parts: CourierParts<Delivery>, delivery: Delivery): Promise<Attempted> {
  const { clock } = parts
  try {
    const answer = await parts.send(delivery)
    const { status, text } = answer
    const heard = { status, answer: text }
    if (status === undefined || (status >= 200 && status < 300))
      return { ...heard, state: 'delivered', endedAt: clock.now() }
    return { ...heard, error: `The receiver answered ${status}.`, ...after(parts, delivery, answer) }
  } catch (error) {
    const isFinal = error instanceof TrainyardError && error.code !== 'unavailable'
    const failed = { error: messageOf(error) }
    return isFinal ? { ...failed, state: 'failed', endedAt: clock.now() } : { ...failed, ...after(parts, delivery, {}) }
  }
}

function after<Delivery extends Queued>(
  { retry, clock }: CourierParts<Delivery>,
  delivery: Delivery,
  heard: Heard,
): Pick<Attempted, 'state' | 'nextAt' | 'endedAt'> {
  const now = clock.now()
  const pauseMs = retry(delivery, heard, now)
  return pauseMs === undefined
    ? { state: 'failed', endedAt: now }
    : { state: 'waiting', nextAt: (now + pauseMs) as Millis }
}
