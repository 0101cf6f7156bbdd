import { isoInstant, type Clock } from '#kernel/clock.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import type { Event } from '#kernel/event.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { isRhythm, projectApplied, type Projects, type Rhythm } from '#project'
import { everyType, type Blobs, type Outbox } from '#storage'
import { changedFiles, type Snapshot } from './changed-files.ts'
import { freshnessLimits } from './deadlines.ts'
import { fire, type FireDeps, type TickRequest } from './fire.ts'
import { createHooks, type Hooks } from './hooks.ts'
import { dueInstants, nextInstant } from './schedule.ts'
import {
  causes,
  firstLook,
  gathered,
  isMeant,
  isOnBranch,
  lastSeq,
  listenedBy,
  pushOf,
  touches,
  triggersOf,
  type Gathering,
  type Push,
} from './trigger.ts'
import type { Tick, Trigger, TriggerKey } from './trigger-store.ts'

/** What people and forges do to triggers. */
export interface TriggerDoor extends Hooks {
  /** By pipeline and name. */
  list(project: string): Promise<readonly Trigger[]>
  /** Throws `not_found`. */
  find(key: TriggerKey): Promise<Trigger>
  /** What became of its ticks, last first. Throws `not_found`. */
  ticks(key: TriggerKey, page: PageRequest): Promise<Page<Tick>>
  /** Nothing of what comes meanwhile is made up for. Throws `not_found`. */
  pause(key: TriggerKey, actor: string): Promise<Trigger>
  unpause(key: TriggerKey): Promise<Trigger>
}

/** Starts runs without a person: at the instants of schedules, on events, and on deliveries. */
export interface Triggers extends TriggerDoor {
  /** Subscribes to all events. Before the outbox starts. */
  subscribe(outbox: Outbox): void
  /** Starts the runs of all triggers whose instant has come. Answers the next instant that there is. */
  tick(): Promise<number | undefined>
}

interface Deps extends FireDeps {
  readonly projects: Pick<Projects, 'find' | 'revision' | 'history'>
  readonly blobs: Pick<Blobs, 'bytes'>
  readonly snapshot: Snapshot
  readonly clock: Clock
}

const dueMax = 100
/** Longer than any sender repeats a delivery. */
const ticksKeptMs = 30 * 24 * 3_600_000
const pruneEveryMs = 60_000
const prunedMax = 1_000

export function createTriggers(deps: Deps): Triggers {
  const { store, clock } = deps
  let prunedAt = 0
  const find = async (key: TriggerKey): Promise<Trigger> => {
    const trigger = await store.findTrigger(key)
    if (!trigger) throw notFound('trigger', `${key.project}/${key.pipeline}/${key.name}`)
    return trigger
  }
  const setPaused = async (key: TriggerKey, paused: Trigger['paused'] | null): Promise<Trigger> => {
    for (;;) {
      const trigger = await find(key)
      if ((paused === null) === (trigger.paused === undefined)) return trigger
      const nextAt = paused === null ? (firstLook(trigger.spec, clock.now()) ?? null) : null
      await store.transaction(tx => store.moveTrigger(tx, trigger, { paused: paused ?? null, nextAt, pending: null }))
    }
  }
  return {
    subscribe(outbox) {
      outbox.subscribe('workflow.triggers', [{ type: everyType, handle: event => react(deps, event) }])
    },
    async tick() {
      if (clock.now() - prunedAt > pruneEveryMs) {
        prunedAt = clock.now()
        await store.dropTicks(clock.now() - ticksKeptMs, prunedMax)
      }
      for (const trigger of await store.dueTriggers(clock.now(), dueMax)) await fireDue(deps, trigger)
      return store.nextTriggerAt()
    },
    list: project => store.triggers(project),
    find,
    ticks: async (key, page) => store.ticks(await find(key), page),
    pause: (key, by) => setPaused(key, { at: clock.now(), by }),
    unpause: key => setPaused(key, null),
    ...createHooks({ ...deps, find }),
  }
}

async function react(deps: Deps, event: Event): Promise<void> {
  const { project } = event
  if (project === undefined) return
  if (event.type === projectApplied.type) await refresh(deps, project)
  for (const trigger of await deps.store.listening(project, listenedBy(event))) await consider(deps, trigger, event)
}

/** What one event means to one trigger. */
async function consider(deps: Deps, trigger: Trigger, event: Event): Promise<void> {
  const { spec } = trigger
  const key = String(event.seq)
  const { actor } = event
  if (spec.on === 'data' || spec.on === 'dataset') return gather(deps, trigger, spec, event)
  if (spec.on === 'event' && isMeant(trigger, spec, event))
    await fire(deps, trigger, { requests: [{ key, cause: causes.event(event), actor }] })
  if (spec.on !== 'push') return
  const push = pushOf(event)
  if (!push || !isOnBranch(spec, push)) return
  const code = await codeOf(deps, trigger, push)
  if (code) await fire(deps, trigger, { requests: [{ key, cause: causes.push(push, event), actor, ...code }] })
}

/** The code that a push brought; undefined when it is not what the trigger waits for. */
async function codeOf(
  deps: Deps,
  { project, pipeline, spec }: Trigger,
  push: Push,
): Promise<Pick<TickRequest, 'code' | 'commit'> | undefined> {
  if (spec.on !== 'push') return undefined
  const { commit } = push
  if (spec.paths === undefined && push.revision !== undefined) return { commit }
  try {
    const { code, paths } = await changedFiles(deps, project, push)
    return touches(spec, paths) ? { code, commit } : undefined
  } catch (error) {
    if (!(error instanceof TrainyardError)) throw error
    deps.warn({ project, pipeline, commit, err: error }, 'the files of a push could not be read')
    return undefined
  }
}

/** Counts new data in, and starts the run when that is all it waits for. Whoever fires meanwhile makes this look again. */
async function gather(deps: Deps, trigger: Trigger, spec: Gathering, event: Event): Promise<void> {
  const { store, clock } = deps
  for (let now: Trigger | undefined = trigger; now; now = await store.findTrigger(trigger)) {
    const seen = now
    const move = gathered(seen, spec, event)
    if (!move || seen.paused) return
    if (await store.transaction(tx => store.moveTrigger(tx, seen, move))) break
  }
  const gatheredNow = await store.findTrigger(trigger)
  if (gatheredNow?.nextAt !== undefined && gatheredNow.nextAt <= clock.now()) await fireDue(deps, gatheredNow)
}

/** Brings the stored triggers, pools and limits of age of a project to its current revision. */
async function refresh({ store, projects, clock, changed }: Deps, project: string): Promise<void> {
  const revision = await projects.find(project)
  if (!revision) return
  const triggers = triggersOf(revision.spec, clock.now())
  await store.transaction(async tx => {
    await store.setTriggers(tx, project, triggers)
    await store.setSlots(tx, project, revision.spec.pools ?? {})
    await store.setFreshness(tx, project, freshnessLimits(revision.spec), clock.now())
  })
  changed.notify()
}

async function fireDue(deps: Deps, trigger: Trigger): Promise<void> {
  const { spec, pending } = trigger
  if (isRhythm(spec)) return fireInstants(deps, trigger, spec)
  if ((spec.on !== 'data' && spec.on !== 'dataset') || !pending) return
  const request = { key: String(lastSeq(pending)), cause: causes.data(spec, pending) }
  await fire(deps, trigger, { requests: [request], move: { nextAt: null, pending: null } })
}

async function fireInstants(deps: Deps, trigger: Trigger, spec: Rhythm): Promise<void> {
  const now = deps.clock.now()
  const requests = dueInstants(spec, trigger.nextAt!, now).map(instant => {
    const key = isoInstant(instant)
    return { key, instant, cause: causes.time(spec, key) }
  })
  await fire(deps, trigger, { requests, move: { nextAt: nextInstant(spec, now) ?? null } })
}
