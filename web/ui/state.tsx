import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleX,
  Hourglass,
  LoaderCircle,
  SkipForward,
  type LucideIcon,
} from 'lucide-react'
import type { Tone } from '../sentences.ts'

const icons: Readonly<Record<Tone, LucideIcon>> = {
  ok: CircleCheck,
  running: LoaderCircle,
  warn: CircleAlert,
  fail: CircleX,
  none: CircleDashed,
}
const special: Readonly<Record<string, LucideIcon>> = {
  cancelled: Ban,
  killed: Ban,
  waiting: Hourglass,
  held: Hourglass,
  scheduled: Hourglass,
  skipped: SkipForward,
}

const tones: Readonly<Record<string, Tone>> = {
  ok: 'ok',
  succeeded: 'ok',
  cached: 'ok',
  finished: 'ok',
  kept: 'ok',
  production: 'ok',
  live: 'ok',
  healthy: 'ok',
  resolved: 'ok',
  done: 'ok',
  delivered: 'ok',
  passed: 'ok',
  clean: 'ok',
  running: 'running',
  ready: 'running',
  canary: 'running',
  shadow: 'running',
  warn: 'warn',
  waiting: 'warn',
  held: 'warn',
  killed: 'warn',
  staging: 'warn',
  away: 'warn',
  suspect: 'warn',
  suspicious: 'warn',
  cancelled: 'warn',
  acknowledged: 'warn',
  ticket: 'warn',
  unchecked: 'none',
  fail: 'fail',
  failed: 'fail',
  broken: 'fail',
  danger: 'fail',
  rejected: 'fail',
  alarm: 'fail',
  down: 'fail',
  rolled_back: 'fail',
  page: 'fail',
  open: 'fail',
}

/** The tone in which a state of any kind is shown: run, stage, verdict, incident. Unknown words are neutral. */
export const toneOf = (state: string): Tone => tones[state] ?? 'none'

export function StateIcon({ state, size = 15 }: { state: string; size?: number }) {
  const tone = toneOf(state)
  const Icon = special[state] ?? icons[tone]
  return <Icon size={size} aria-hidden className={state === 'running' ? 'turning' : undefined} />
}

/** A state as icon and word: colour is never the only sign. */
export function State({ state, label }: { state: string; label?: string }) {
  return (
    <span className={`state tone-${toneOf(state)}`}>
      <StateIcon state={state} />
      {label ?? words(state)}
    </span>
  )
}

export function Tag({ state, children }: { state?: string; children: React.ReactNode }) {
  return <span className={state ? `tag tone-${toneOf(state)}` : 'tag'}>{children}</span>
}

export const words = (state: string): string => state.replaceAll('_', ' ')
