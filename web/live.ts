import type { QueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { eventTypes } from './sentences.ts'

/** What each kind of event makes stale, by the part of its type before the dot. `loop` and `events` always are. */
const staleAfter: Readonly<Record<string, readonly string[]>> = {
  project: [
    'projects',
    'project',
    'notification-channels',
    'revisions',
    'pipelines',
    'triggers',
    'sources',
    'features',
    'models',
    'deployments',
    'graphs',
  ],
  source: ['repository', 'commits'],
  workflow: [
    'pipelines',
    'triggers',
    'runs',
    'run',
    'builds',
    'conversion',
    'experiments',
    'run-rows',
    'tracking-run',
    'notifications',
  ],
  tuning: ['studies', 'study', 'trials', 'importance', 'reports'],
  data: ['sources', 'dataset-versions'],
  features: ['features', 'feature-versions'],
  registry: ['models', 'model-versions', 'model-version', 'registered-models', 'notifications'],
  assurance: ['scan', 'signature', 'approvals', 'card'],
  serving: ['deployments', 'deployment', 'predictions'],
  monitoring: ['monitors', 'windows', 'incidents', 'feedback', 'notifications'],
  delivery: ['builds', 'deployments', 'deployment', 'notifications'],
}

export const staleKeys = (type: string): readonly string[] => [
  'loop',
  'events',
  ...(staleAfter[type.split('.')[0]!] ?? []),
]

export type Liveness = 'connecting' | 'live' | 'polling'

const gatherMs = 400
const pollMs = 10_000

let liveness: Liveness = 'connecting'
const listeners = new Set<() => void>()
const setLiveness = (next: Liveness): void => {
  liveness = next
  for (const listener of listeners) listener()
}

export const useLiveness = (): Liveness =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => liveness,
  )

/** One event stream for the tab. While it is broken, what is on screen is asked for again every ten seconds. */
export function useLive(cache: QueryClient): void {
  useEffect(() => {
    const stale = new Set<string>()
    let timer: ReturnType<typeof setTimeout> | undefined
    const flush = (): void => {
      timer = undefined
      const keys = new Set(stale)
      stale.clear()
      void cache.invalidateQueries({ predicate: ({ queryKey }) => keys.has(String(queryKey[0])) })
    }
    const hear = (type: string): void => {
      for (const key of staleKeys(type)) stale.add(key)
      timer ??= setTimeout(flush, gatherMs)
    }
    let stream = listen(hear)
    const poll = setInterval(() => {
      if (stream.readyState === EventSource.OPEN) return
      void cache.invalidateQueries()
      // A browser tries again by itself after a lost connection, but not after an error answer.
      if (stream.readyState === EventSource.CLOSED) stream = listen(hear)
    }, pollMs)
    return () => {
      stream.close()
      clearTimeout(timer)
      clearInterval(poll)
    }
  }, [cache])
}

function listen(hear: (type: string) => void): EventSource {
  const stream = new EventSource('/api/v1/events/stream')
  for (const type of eventTypes) stream.addEventListener(type, () => hear(type))
  stream.addEventListener('message', message => hear((JSON.parse(message.data as string) as { type: string }).type))
  stream.addEventListener('open', () => setLiveness('live'))
  stream.addEventListener('error', () => setLiveness('polling'))
  return stream
}
