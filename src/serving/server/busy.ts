import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** How busy this process is. */
export interface Busy {
  /** The part of the last seconds in which its event loop had something to do, from 0 to 1. */
  readonly utilization: number
  /** How late the event loop was in the last seconds, in seconds: the median and the 99th percentile. */
  readonly delay: { readonly p50: number; readonly p99: number }
}

/** Long enough to be no chance, short enough for an autoscaler. */
const spanMs = 5_000
const resolutionMs = 20

/** Looks every few seconds, whoever asks: several who ask may not shorten each other's time. */
export function watchBusy(): Busy {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  let before = performance.eventLoopUtilization()
  const busy = { utilization: 0, delay: { p50: 0, p99: 0 } }
  setInterval(() => {
    const now = performance.eventLoopUtilization()
    busy.utilization = performance.eventLoopUtilization(now, before).utilization
    before = now
    // What was on time comes a resolution after the time before it.
    const late = (percent: number): number => Math.max(0, delays.percentile(percent) / 1e9 - resolutionMs / 1_000)
    busy.delay = { p50: late(50), p99: late(99) }
    delays.reset()
  }, spanMs).unref()
  return busy
}
