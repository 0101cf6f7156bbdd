import type { OutboxContext } from './outbox-context.ts'
import type { OutboxTables } from './outbox-tables.ts'

/** Where a subscriber stands in the event table: of several processes one moves it at a time. */
export interface Cursor {
  /** Whether this process may move it: nobody else holds it, or its holder has been silent. */
  hold(): Promise<boolean>
  /** The event up to which all is done; undefined while somebody else holds it. */
  place(): number | undefined
  /** Moves it on, at first in memory: what was passed and not saved is seen again after a crash. */
  pass(seq: number): void
  /** Writes where it stands, if that was not done within `ageMs`. */
  save(ageMs: number): Promise<void>
  /** Writes where it stands, and lets another process move it at once. */
  release(): Promise<void>
}

const leaseMs = 10_000

export function createCursor({ db, owner, clock }: OutboxContext, name: string): Cursor {
  const tables = db.withTables<OutboxTables>()
  let held: { seq: number; saved: number; savedAt: number; until: number } | undefined

  /** What was passed under a lease that has run out may be another's by now: it stands where it was written last. */
  async function take(now: number): Promise<void> {
    const passed = held && held.until > now ? held.seq : undefined
    const until = now + leaseMs
    const row = await tables
      .insertInto('event_subscriber')
      .values({ name, seq: 0, owner, lease_until: until })
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet({ owner, lease_until: until, ...(passed !== undefined && { seq: passed }) })
          .where(eb =>
            eb.or([eb('event_subscriber.owner', '=', owner), eb('event_subscriber.lease_until', '<=', now)]),
          ),
      )
      .returning('seq')
      .executeTakeFirst()
    held = row && { seq: row.seq, saved: row.seq, savedAt: performance.now(), until }
  }

  const own = () => tables.updateTable('event_subscriber').where('name', '=', name).where('owner', '=', owner)

  return {
    async hold() {
      const now = clock.now()
      if (!held || held.until - now <= leaseMs / 2) await take(now)
      return held !== undefined
    },
    place: () => held?.seq,
    pass(seq) {
      if (held) held.seq = seq
    },
    async save(ageMs) {
      if (!held || held.seq === held.saved || performance.now() - held.savedAt < ageMs) return
      const { seq } = held
      await own().set({ seq }).execute()
      held = { ...held, saved: seq, savedAt: performance.now() }
    },
    async release() {
      if (!held) return
      const { seq } = held
      held = undefined
      await own().set({ seq, lease_until: 0 }).execute()
    },
  }
}
