import { randomUUID } from 'node:crypto'
import { durationMs } from '#kernel/duration.ts'
import type { Event } from '#kernel/event.ts'
import { isRhythm, projectApplied, triggerName, type ProjectFile, type Rhythm, type TriggerSpec } from '#project'
import { matches } from './filter.ts'
import { matchesGlob } from './glob.ts'
import type { Cause } from './run.ts'
import { nextInstant } from './schedule.ts'
import type { Pending, Trigger, TriggerDraft, TriggerKey, TriggerMove } from './trigger-store.ts'

type Of<On extends TriggerSpec['on']> = Extract<TriggerSpec, { on: On }>
/** A trigger that gathers what has come before it starts a run. */
export type Gathering = Of<'data' | 'dataset'>

const mainBranch = 'main'
const pushedType = 'source.pushed'

/** What a project's pipelines are started by, as it is stored. */
export const triggersOf = ({ name: project, pipelines }: ProjectFile, now: number): readonly TriggerDraft[] =>
  Object.entries(pipelines).flatMap(([pipeline, { triggers }]) =>
    triggers.map((spec, index) => ({
      project,
      pipeline,
      name: triggerName(triggers, index),
      spec,
      ...listensOf(spec),
      nextAt: firstLook(spec, now),
      ...(spec.on === 'webhook' && { hook: randomUUID() }),
    })),
  )

/** When a trigger is to be looked at that has just begun, or goes on after a pause. */
export const firstLook = (spec: TriggerSpec, now: number): number | undefined =>
  isRhythm(spec) ? nextInstant(spec, now) : undefined

function listensOf(spec: TriggerSpec): { listens?: string } {
  switch (spec.on) {
    case 'push':
      return { listens: 'push' }
    case 'data':
      return { listens: 'data.arrived' }
    case 'dataset':
      return { listens: 'data.version_added' }
    case 'event':
      return { listens: spec.type }
    case 'schedule':
    case 'interval':
    case 'calendar':
    case 'webhook':
      return {}
  }
}

/** What the triggers say that they wait for, which may be meant by an event. */
export const listenedBy = ({ type }: Event): readonly string[] =>
  type === projectApplied.type || type === pushedType ? [type, 'push'] : [type]

const factsOf = ({ data }: Pick<Event, 'data'>): Readonly<Record<string, unknown>> => data as never

/** A commit at the head of a branch. What is delivered from the main branch has a revision; what was applied by hand has no commit. */
export interface Push {
  readonly branch: string
  readonly commit: string
  readonly before?: string
  readonly revision?: string
}

export function pushOf(event: Event): Push | undefined {
  const { branch, before, after, commit, revision } = factsOf(event) as Readonly<Record<string, string | undefined>>
  if (event.type === projectApplied.type)
    return commit === undefined
      ? undefined
      : { branch: mainBranch, commit, ...(revision !== undefined && { revision }) }
  if (event.type !== pushedType || branch === mainBranch || branch === undefined || after === undefined)
    return undefined
  return { branch, commit: after, ...(before !== undefined && { before }) }
}

export const isOnBranch = ({ branch }: Of<'push'>, push: Push): boolean => matchesGlob(push.branch, branch)
export const touches = ({ paths }: Of<'push'>, changed: readonly string[]): boolean =>
  paths === undefined || changed.some(path => paths.some(glob => matchesGlob(path, glob)))

/** Whether the event is one that the trigger waits for. A pipeline that is started by its own end would never end. */
export function isMeant({ pipeline }: TriggerKey, { type, where }: Of<'event'>, event: Event): boolean {
  if (type !== event.type) return false
  const isOwn = type.startsWith('workflow.') && factsOf(event)['pipeline'] === pipeline
  return !isOwn && matches(where, event.data)
}

const debouncesMax = 10

/** What the trigger has gathered with this event, and when it is to start a run; undefined when the event is none of its. */
export function gathered(
  { pending, last, seenSeq }: Pick<Trigger, 'pending' | 'last' | 'seenSeq'>,
  spec: Gathering,
  { seq, at, data }: Event,
): TriggerMove | undefined {
  const source = String(factsOf({ data })['source'])
  const wanted = spec.on === 'data' ? [spec.source] : spec.sources
  if (seq <= seenSeq || !wanted.includes(source)) return undefined
  const sources = { ...pending?.sources, [source]: seq }
  const isWhole = spec.on === 'data' || spec.match !== 'all' || wanted.every(name => Object.hasOwn(sources, name))
  if (!isWhole) return { pending: { sources }, seenSeq: seq }
  const since = pending?.since ?? at
  const debounce = msOf(spec.debounce)
  const calm = Math.min(at + debounce, since + debouncesMax * debounce)
  const nextAt = Math.max(calm, last === undefined ? 0 : last.at + msOf(spec.minInterval))
  return { pending: { sources, since }, seenSeq: seq, nextAt }
}

const msOf = (duration: string | undefined): number => (duration === undefined ? 0 : durationMs(duration))

export const lastSeq = ({ sources }: Pending): number => Math.max(...Object.values(sources))

function rhythmWords(spec: Rhythm): string {
  if (spec.on === 'schedule') return spec.cron
  if (spec.on === 'interval') return `every ${spec.every}`
  return spec.rule ?? 'a date of its calendar'
}

/** Why a run was started, for people. */
export const causes = {
  time: (spec: Rhythm, instant: string): Cause => ({
    kind: 'schedule',
    reason: `It was time: ${rhythmWords(spec)}.`,
    ref: instant,
  }),
  push: ({ branch, commit, revision }: Push, { seq }: Event): Cause => ({
    kind: 'push',
    reason: `Commit ${commit.slice(0, 12)} was ${revision === undefined ? `pushed to ${branch}` : 'delivered'}.`,
    ref: `event ${seq}`,
  }),
  data: ({ on }: Gathering, pending: Pending): Cause => {
    const names = Object.keys(pending.sources).join(', ')
    const reason = on === 'data' ? `New data has arrived at ${names}.` : `There are new dataset versions of ${names}.`
    return { kind: 'data', reason, ref: `event ${lastSeq(pending)}` }
  },
  event: ({ type, seq }: Event): Cause => ({ kind: 'event', reason: `${type} happened.`, ref: `event ${seq}` }),
  delivery: (what: string, delivery: string): Cause => ({ kind: 'webhook', reason: what, ref: `delivery ${delivery}` }),
} as const
