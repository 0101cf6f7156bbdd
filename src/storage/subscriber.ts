import { crashPoint } from '#kernel/crash-point.ts'
import { messageOf } from '#kernel/error.ts'
import type { Event, EventType } from '#kernel/event.ts'
import { createCursor, type Cursor } from './cursor.ts'
import type { OutboxContext } from './outbox-context.ts'
import type { OutboxTables } from './outbox-tables.ts'
import type { Signal } from './signal.ts'

/** The `type` of a handler that is called on every event. */
export const everyType = '*'

/** What a subscriber does on one type of event. Must be idempotent: it is called again after a crash. */
export interface Handler {
  readonly type: string
  handle(event: Event<never>): Promise<void>
}

/** Ties a handler to the data of its event. */
export const on = <Data>(type: EventType<Data>, handle: (event: Event<Data>) => Promise<void>): Handler => ({
  type: type.type,
  handle: handle as Handler['handle'],
})

/** The readers of the event table in this process, each behind a durable cursor under a lease. */
export interface Subscribers {
  add(name: string, handlers: readonly Handler[]): void
  start(): void
  stop(): Promise<void>
  /** Resolves when every cursor is at `seq` or beyond, or when stopped. */
  reached(seq: number): Promise<void>
}

interface Context extends OutboxContext {
  after(seq: number, limit: number): Promise<readonly Event[]>
  /** Hints that events may have been added. */
  readonly changed: Signal
}

const batchMax = 100
const attemptsMax = 5
const retryMs = 50
/** What was handled is written at the end of a batch, and in one that takes long as often. */
const saveMs = 1_000

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export function createSubscribers(context: Context): Subscribers {
  const tables = context.db.withTables<OutboxTables>()
  const added = new Map<string, readonly Handler[]>()
  const cursors = new Map<string, Cursor>()
  const running: Promise<void>[] = []
  const after = shared(context.after)
  let stopping = new AbortController()

  return {
    add: (name, handlers) => void added.set(name, handlers),

    start() {
      stopping = new AbortController()
      for (const [name, handlers] of added) {
        const cursor = createCursor(context, name)
        cursors.set(name, cursor)
        running.push(run({ ...context, after, name, handlers, cursor, signal: stopping.signal }))
      }
    },

    async stop() {
      stopping.abort()
      context.changed.notify()
      await Promise.all(running.splice(0))
    },

    async reached(seq) {
      const isBehind = async (): Promise<boolean> => {
        const others = [...added.keys()].filter(name => (cursors.get(name)?.place() ?? 0) < seq)
        if (others.length === 0) return false
        const rows = await tables.selectFrom('event_subscriber').select(['name', 'seq']).execute()
        return others.some(name => (rows.find(row => row.name === name)?.seq ?? 0) < seq)
      }
      while (!stopping.signal.aborted && (await isBehind())) await sleep(5)
    },
  }
}

/** Those who stand at the same place share one look at the table. */
function shared(after: Context['after']): Context['after'] {
  const looks = new Map<number, Promise<readonly Event[]>>()
  return (seq, limit) => {
    const known = looks.get(seq)
    if (known) return known
    const look = after(seq, limit).finally(() => looks.delete(seq))
    looks.set(seq, look)
    return look
  }
}

interface Subscriber extends Context {
  readonly name: string
  readonly handlers: readonly Handler[]
  readonly cursor: Cursor
  readonly signal: AbortSignal
}

async function run(subscriber: Subscriber): Promise<void> {
  const { name, changed, cursor, signal, warn } = subscriber
  const failed = (error: unknown): false => {
    if (!signal.aborted) warn({ subscriber: name, err: error }, 'subscriber could not read events')
    return false
  }
  while (!signal.aborted) {
    const mark = changed.mark()
    const busy = await advance(subscriber).catch(failed)
    if (!busy && !signal.aborted) await changed.wait(mark, changed.pauseMs())
  }
  await cursor.release().catch(failed)
}

/** One pass over what is new. Returns whether there was anything. */
async function advance(subscriber: Subscriber): Promise<boolean> {
  const { cursor, handlers, after, signal } = subscriber
  if (!(await cursor.hold())) return false
  const events = await after(cursor.place()!, batchMax)
  let hasHandled = false
  for (const event of events) {
    const meant = handlers.filter(({ type }) => type === event.type || type === everyType)
    for (const handler of meant) await deliver(subscriber, handler, event)
    if (signal.aborted) return false
    cursor.pass(event.seq)
    if (meant.length === 0) continue
    hasHandled = true
    crashPoint('outbox.handled')
    await cursor.save(saveMs)
    if (!(await cursor.hold())) return false
  }
  await cursor.save(hasHandled ? 0 : saveMs)
  return events.length > 0
}

/** Calls a handler until it succeeds, the process stops, or it has failed too often and the event is set aside. */
async function deliver(subscriber: Subscriber, handler: Handler, event: Event): Promise<void> {
  const { name, signal, warn } = subscriber
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await handler.handle(event as Event<never>)
    } catch (error) {
      warn({ subscriber: name, seq: event.seq, type: event.type, attempt, err: error }, 'event handler failed')
      if (attempt >= attemptsMax) return setAside(subscriber, event, error)
      await sleep(retryMs * 2 ** attempt)
    }
  }
}

async function setAside({ db, name, clock }: Subscriber, { seq }: Event, error: unknown): Promise<void> {
  const row = { subscriber: name, seq, at: clock.now(), error: messageOf(error) }
  await db
    .withTables<OutboxTables>()
    .insertInto('event_failure')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .execute()
}
