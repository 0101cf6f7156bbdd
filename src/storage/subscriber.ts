import { crashPoint } from '#kernel/crash-point.ts'
import { messageOf } from '#kernel/error.ts'
import type { Event, EventType } from '#kernel/event.ts'
import type { OutboxContext } from './outbox.ts'
import type { OutboxTables } from './outbox-tables.ts'

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
  onAppend(listener: () => void): () => void
}

const pollMs = 200
const leaseMs = 10_000
const batchMax = 100
const attemptsMax = 5
const retryMs = 50

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export function createSubscribers(context: Context): Subscribers {
  const tables = context.db.withTables<OutboxTables>()
  const added = new Map<string, readonly Handler[]>()
  const running: Promise<void>[] = []
  let stopping = new AbortController()

  return {
    add: (name, handlers) => void added.set(name, handlers),

    start() {
      stopping = new AbortController()
      for (const [name, handlers] of added) running.push(run({ ...context, name, handlers, signal: stopping.signal }))
    },

    async stop() {
      stopping.abort()
      await Promise.all(running.splice(0))
    },

    async reached(seq) {
      const behind = async (): Promise<boolean> => {
        const rows = await tables.selectFrom('event_subscriber').select(['name', 'seq']).execute()
        return [...added.keys()].some(name => (rows.find(row => row.name === name)?.seq ?? 0) < seq)
      }
      while (!stopping.signal.aborted && (await behind())) await sleep(5)
    },
  }
}

interface Subscriber extends Context {
  readonly name: string
  readonly handlers: readonly Handler[]
  readonly signal: AbortSignal
}

async function run(subscriber: Subscriber): Promise<void> {
  const { name, signal, warn } = subscriber
  const lease = leaseOn(subscriber)
  while (!signal.aborted) {
    const busy = await advance(subscriber, lease).catch(error => {
      if (!signal.aborted) warn({ subscriber: name, err: error }, 'subscriber could not read events')
      return false
    })
    if (!busy) await pause(subscriber)
  }
}

/** One pass over what is new. Returns whether there was anything. */
async function advance(subscriber: Subscriber, lease: () => Promise<boolean>): Promise<boolean> {
  const { db, name, handlers, owner, after, signal } = subscriber
  if (!(await lease())) return false
  const tables = db.withTables<OutboxTables>()
  const { seq } = await tables
    .selectFrom('event_subscriber')
    .select('seq')
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  const events = await after(seq, batchMax)
  for (const event of events) {
    for (const handler of handlers) {
      if (handler.type === event.type || handler.type === everyType) await deliver(subscriber, handler, event)
    }
    if (signal.aborted) return false
    crashPoint('outbox.handled')
    await tables
      .updateTable('event_subscriber')
      .set({ seq: event.seq })
      .where('name', '=', name)
      .where('owner', '=', owner)
      .execute()
  }
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

/** Asks whether this process may move the cursor: nobody else holds it, or its holder has been silent. */
function leaseOn({ db, name, owner, clock }: Subscriber): () => Promise<boolean> {
  let heldUntil = 0
  return async () => {
    const now = clock.now()
    if (heldUntil - now > leaseMs / 2) return true
    const lease_until = now + leaseMs
    const { numInsertedOrUpdatedRows } = await db
      .withTables<OutboxTables>()
      .insertInto('event_subscriber')
      .values({ name, seq: 0, owner, lease_until })
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet({ owner, lease_until })
          .where(eb => eb.or([eb('event_subscriber.owner', '=', owner), eb('event_subscriber.lease_until', '<', now)])),
      )
      .executeTakeFirstOrThrow()
    const held = (numInsertedOrUpdatedRows ?? 0n) > 0n
    heldUntil = held ? lease_until : 0
    return held
  }
}

/** Waits for news, a poll's length at most. */
function pause({ onAppend, signal }: Subscriber): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, pollMs)
    const forget = onAppend(done)
  })
}
