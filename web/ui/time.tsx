import { useSyncExternalStore } from 'react'
import { age, duration, instant, isSaid } from '../format.ts'

const tickMs = 10_000
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, tickMs)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The time of the page, which moves every ten seconds: one clock for all that shows an age. */
export const useNow = (): number =>
  useSyncExternalStore(
    subscribe,
    () => now,
    () => now,
  )

const unsaid = (
  <span className="muted" title="Not said">
    –
  </span>
)

/** How long ago, with the exact instant on hover. */
export function Ago({ at }: { at: number }) {
  // Something newer than the last tick is not from the future.
  const since = Math.max(0, useNow() - at)
  if (!isSaid(at)) return unsaid
  return (
    <time dateTime={new Date(at).toISOString()} title={instant(at)} className="nowrap">
      {since < tickMs ? 'just now' : `${age(since)} ago`}
    </time>
  )
}

export function Took({ from, to }: { from?: number | undefined; to?: number | undefined }) {
  const present = useNow()
  if (from === undefined || !isSaid(from)) return unsaid
  return <span className="num">{duration(Math.max(0, (to ?? Math.max(present, from)) - from))}</span>
}
