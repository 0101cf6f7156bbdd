import { inside, type AnyTx, type Db } from '#storage'
import { nextNumber } from './counter.sql.ts'
import type { TrackingTables } from './tables.ts'

/** The numbers by which keys of metrics, params and tags are known in tables. A number once given is never changed. */
export interface Keys {
  /** The numbers of all the keys, which are given where they were not. In a transaction of their own. */
  numbers(names: Iterable<string>): Promise<ReadonlyMap<string, number>>
  /** The same inside a transaction, which may fail: nothing is remembered of what it gives. */
  numbersIn(tx: AnyTx, names: Iterable<string>): Promise<ReadonlyMap<string, number>>
  /** The number of a key that somebody has used. */
  find(name: string): Promise<number | undefined>
}

const rememberedMax = 200_000
const namesPerStatement = 500

export function sqlKeys(db: Db): Keys {
  const tables = db.withTables<TrackingTables>()
  const remembered = new Map<string, number>()

  function remember(rows: readonly { id: number; name: string }[]): void {
    if (remembered.size > rememberedMax) remembered.clear()
    for (const { id, name } of rows) remembered.set(name, id)
  }

  function split(names: Iterable<string>): { known: Map<string, number>; missing: string[] } {
    const known = new Map<string, number>()
    const missing = new Set<string>()
    for (const name of names) {
      const id = remembered.get(name)
      if (id === undefined) missing.add(name)
      else known.set(name, id)
    }
    return { known, missing: [...missing].toSorted() }
  }

  async function numbersIn(tx: AnyTx, names: Iterable<string>): Promise<Map<string, number>> {
    const { known, missing } = split(names)
    const own = inside<TrackingTables>(tx)
    for (let start = 0; start < missing.length; start += namesPerStatement) {
      const some = missing.slice(start, start + namesPerStatement)
      const found = await own.selectFrom('tracking_key').select(['id', 'name']).where('name', 'in', some).execute()
      for (const { id, name } of found) known.set(name, id)
      const fresh = some.filter(name => !known.has(name))
      if (fresh.length === 0) continue
      // The counter's row is the lock: two who meet the same new key come one after the other.
      const first = await nextNumber(tx, 'key', fresh.length)
      const rows = fresh.map((name, index) => ({ id: first + index, name, json: JSON.stringify(name) }))
      await own
        .insertInto('tracking_key')
        .values(rows)
        .onConflict(c => c.column('name').doNothing())
        .execute()
      const given = await own.selectFrom('tracking_key').select(['id', 'name']).where('name', 'in', fresh).execute()
      for (const { id, name } of given) known.set(name, id)
    }
    return known
  }

  return {
    numbersIn,

    async numbers(names) {
      const { known, missing } = split(names)
      if (missing.length === 0) return known
      const given = await db.transaction().execute(tx => numbersIn(tx, missing))
      remember([...given].map(([name, id]) => ({ id, name })))
      return new Map([...known, ...given])
    },

    async find(name) {
      const known = remembered.get(name)
      if (known !== undefined) return known
      const row = await tables
        .selectFrom('tracking_key')
        .select(['id', 'name'])
        .where('name', '=', name)
        .executeTakeFirst()
      if (row) remember([row])
      return row?.id
    },
  }
}
