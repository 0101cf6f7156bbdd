import type { Millis } from '#kernel/clock.ts'
import type { Event, EventType } from '#kernel/event.ts'
import { inside, type AnyTx } from './open.ts'
import type { OutboxContext } from './outbox-context.ts'
import type { OutboxTables } from './outbox-tables.ts'
import { runRows, type RowStatement } from './rows.sql.ts'
import { createSignal } from './signal.ts'
import { createSubscribers, type Handler } from './subscriber.ts'

/**
 * The event table. A change of state and the event that announces it are written in one transaction; subscribers read
 * the table behind a cursor of their own, in order, at least once. Everything that reacts (triggers, the loop,
 * notifications, live pages, the audit) reads this one table.
 */
export interface Outbox {
  /** Writes an event inside the caller's transaction. Data that does not fit the type's schema is a bug, and throws. */
  emit<Data>(tx: AnyTx, type: EventType<Data>, event: NewEvent<Data>): Promise<void>
  /** The same for several, in their order, which costs little more than for one. */
  emitAll(tx: AnyTx, announcements: readonly Announcement[]): Promise<void>
  /** Declares what `name` does on each type. Called before `start`; the cursor of a new name begins at the first event. */
  subscribe(name: string, handlers: readonly Handler[]): void
  /** Runs the subscribers until `stop`. A handler that throws is tried again with growing pauses, then set aside. */
  start(): void
  stop(): Promise<void>
  /** Resolves when every subscriber has seen every event that was committed before the call. For tests and shutdown. */
  settled(): Promise<void>
  /** Events after `seq`, oldest first; of some projects when named. */
  after(seq: number, limit: number, projects?: readonly string[]): Promise<readonly Event[]>
  /** The newest events of some projects or of all, newest first. */
  newest(limit: number, projects?: readonly string[], before?: number): Promise<readonly Event[]>
  /** Calls back whenever events may have been added. Returns the way to stop it. */
  onAppend(listener: () => void): () => void
}

export interface NewEvent<Data> {
  readonly project?: string | undefined
  /** Who did it; `trainyard` when the platform acts by itself. */
  readonly actor?: string
  readonly data: Data
}

/** An event with its type, checked. */
export interface Announcement extends NewEvent<unknown> {
  readonly type: string
}

/** Throws when the data does not fit the type's schema. */
export const announcement = <Data>(
  { type, schema }: EventType<Data>,
  { data, ...event }: NewEvent<Data>,
): Announcement => ({ type, ...event, data: schema.parse(data) })

export function createOutbox(context: OutboxContext): Outbox {
  const { db, clock } = context
  const tables = db.withTables<OutboxTables>()
  const changed = createSignal(context.wakeUps)

  async function after(seq: number, limit: number, projects?: readonly string[]): Promise<readonly Event[]> {
    if (projects?.length === 0) return []
    let query = tables.selectFrom('event').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit)
    if (projects) query = query.where('project', 'in', projects)
    return (await query.execute()).map(fromRow)
  }

  async function emitAll(tx: AnyTx, announcements: readonly Announcement[]): Promise<void> {
    if (announcements.length === 0) return
    // The counter's row is the lock on the order: events become visible in the order of their numbers.
    const { last } = await inside<OutboxTables>(tx)
      .updateTable('event_counter')
      .set(eb => ({ last: eb('last', '+', announcements.length) }))
      .where('name', '=', 'event')
      .returning('last')
      .executeTakeFirstOrThrow()
    const first = last - announcements.length + 1
    const now = clock.now()
    const rows = announcements.flatMap(({ type, project = null, actor = 'trainyard', data }, index) => [
      first + index,
      type,
      now,
      project,
      actor,
      JSON.stringify(data),
    ])
    await runRows(tx, newEvents, rows)
    // Readers wait for the commit on SQLite's one connection; elsewhere they look again until it is there.
    setTimeout(() => changed.notify(), 0)
  }

  const subscribers = createSubscribers({ ...context, after, changed })

  return {
    // A promise all the same when the data does not fit.
    emit: async (tx, type, event) => emitAll(tx, [announcement(type, event)]),
    emitAll,

    subscribe: (name, handlers) => subscribers.add(name, handlers),
    start: () => subscribers.start(),

    stop: () => subscribers.stop(),

    async settled() {
      const { last } = await tables
        .selectFrom('event_counter')
        .select('last')
        .where('name', '=', 'event')
        .executeTakeFirstOrThrow()
      await subscribers.reached(last)
    },

    after,

    async newest(limit, projects, before) {
      if (projects?.length === 0) return []
      let query = tables.selectFrom('event').selectAll().orderBy('seq', 'desc').limit(limit)
      if (projects) query = query.where('project', 'in', projects)
      if (before !== undefined) query = query.where('seq', '<', before)
      return (await query.execute()).map(fromRow)
    },

    onAppend: listener => changed.on(listener),
  }
}

const newEvents: RowStatement = {
  head: 'insert into event (seq, type, at, project, actor, data)',
  types: ['bigint', 'text', 'bigint', 'text', 'text', 'text'],
  tail: '',
}

const fromRow = (row: OutboxTables['event']): Event => ({
  seq: row.seq,
  type: row.type,
  at: row.at as Millis,
  project: row.project ?? undefined,
  actor: row.actor,
  data: JSON.parse(row.data),
})
