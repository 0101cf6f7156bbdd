import type { Page, PageRequest } from '#kernel/page.ts'
import type { TriggerSpec } from '#project'
import type { AnyTx } from '#storage'

/** What starts runs without a person: the declared triggers of each project's current revision, and where they stand. */
export interface TriggerStore {
  /**
   * Makes these the triggers of a project. One that was there and says the same keeps its place in time; one that says
   * something else keeps only whether it is paused, its address and its secret.
   */
  setTriggers(tx: AnyTx, project: string, triggers: readonly TriggerDraft[]): Promise<void>
  /** By pipeline and name. */
  triggers(project: string): Promise<readonly Trigger[]>
  findTrigger(key: TriggerKey): Promise<Trigger | undefined>
  /** Those that are not paused and wait for what is called so. */
  listening(project: string, listens: readonly string[]): Promise<readonly Trigger[]>
  /** Those whose instant has come, longest due first. */
  dueTriggers(now: number, limit: number): Promise<readonly Trigger[]>
  /** The next instant of all; undefined when there is none. */
  nextTriggerAt(): Promise<number | undefined>
  /** Changes where a trigger stands; false when it has changed since it was read. */
  moveTrigger(tx: AnyTx, trigger: Trigger, move: TriggerMove): Promise<boolean>
  /** Notes what became of a tick, and that it was the trigger's last; instead of what was noted of it before. */
  noteTick(tx: AnyTx, key: TriggerKey, tick: Tick): Promise<void>
  findTick(key: TriggerKey, tick: string): Promise<Tick | undefined>
  /** Last first. */
  ticks(key: TriggerKey, page: PageRequest): Promise<Page<Tick>>
  /** Forgets ticks from before then, at most `limit`. */
  dropTicks(before: number, limit: number): Promise<void>
  setSecret(key: TriggerKey, secret: string): Promise<boolean>
  /** By the last part of its address. */
  findHook(id: string): Promise<{ trigger: Trigger; secret: string | undefined } | undefined>
}

export interface TriggerKey {
  readonly project: string
  readonly pipeline: string
  /** Among the triggers of its pipeline. */
  readonly name: string
}

export interface TriggerDraft extends TriggerKey {
  readonly spec: TriggerSpec
  /** Name of the events that it waits for. */
  readonly listens?: string
  readonly nextAt?: number | undefined
  /** Last part of its address. */
  readonly hook?: string
}

export interface Trigger extends TriggerKey {
  readonly spec: TriggerSpec
  readonly nextAt: number | undefined
  readonly pending: Pending | undefined
  /** The last event that was counted in. */
  readonly seenSeq: number
  readonly paused: { readonly at: number; readonly by: string } | undefined
  readonly hook: string | undefined
  readonly hasSecret: boolean
  readonly last: Omit<Tick, 'key'> | undefined
  /** Counts the changes to where it stands. */
  readonly turn: number
}

/** Data that has come and that no run was started for yet. */
export interface Pending {
  /** The last event of each source. */
  readonly sources: Readonly<Record<string, number>>
  /** Since when all is there that it waits for. */
  readonly since?: number
}

/** What is left out stays as it is; null takes it away. */
export interface TriggerMove {
  readonly nextAt?: number | null
  readonly pending?: Pending | null
  readonly seenSeq?: number
  readonly paused?: { readonly at: number; readonly by: string } | null
}

/** One instant, event or delivery, and what became of it: a run, a reason for none, or an error. */
export interface Tick {
  /** The instant, the event's number or the delivery's id. */
  readonly key: string
  readonly at: number
  readonly run?: string | undefined
  readonly skipped?: string | undefined
  readonly error?: string | undefined
}
