import { inside, type AnyTx, type Db } from '#storage'
import type { Truth, TruthStore } from './store.ts'
import type { MonitoringTables } from './tables.ts'

const idsPerStatement = 500

/** Ground truth in SQL: one text for SQLite and PostgreSQL. */
export function sqlTruthStore(db: Db): TruthStore {
  const tables = db.withTables<MonitoringTables>()
  return {
    async record(tx, deployment, items, at) {
      const own = inside<MonitoringTables>(tx)
      // The monitor's row is the lock: two deliveries of the same truth queue here.
      await own.updateTable('monitor').set({ deployment }).where('deployment', '=', deployment).execute()
      const known = new Map<string, { number: number; value: number }>()
      for (const row of await newest(
        tx,
        items.map(item => item.prediction),
      ))
        known.set(row.prediction, row)
      const fresh = novelties(items, known)
      for (let start = 0; start < fresh.length; start += idsPerStatement) {
        const rows = fresh.slice(start, start + idsPerStatement)
        await own
          .insertInto('truth')
          .values(
            rows.map(({ prediction, number, value, at: happened }) => ({
              prediction,
              number,
              deployment,
              value,
              at: happened ?? null,
              received_at: at,
            })),
          )
          .execute()
      }
      const first = fresh.filter(row => row.number === 1).length
      await own
        .updateTable('monitor')
        .set(eb => ({ labelled: eb('labelled', '+', first) }))
        .where('deployment', '=', deployment)
        .execute()
      return { recorded: fresh.length, unchanged: items.length - fresh.length }
    },

    async truths(predictions) {
      const rows = await newest(undefined, predictions)
      return new Map(rows.map(row => [row.prediction, row.value]))
    },

    async since(deployment, { from, to }, limit) {
      let query = tables
        .selectFrom('truth')
        .select(['prediction', 'value'])
        .where('deployment', '=', deployment)
        .where('prediction', '>=', from)
        .orderBy('prediction')
        .orderBy('number')
        .limit(limit)
      if (to !== undefined) query = query.where('prediction', '<', to)
      return new Map((await query.execute()).map(row => [row.prediction, row.value]))
    },
  }

  /** In the order of their numbers, so that the last of a prediction is its newest. */
  async function newest(tx: AnyTx | undefined, predictions: readonly string[]) {
    const reader = tx ? inside<MonitoringTables>(tx) : tables
    const found: { prediction: string; number: number; value: number }[] = []
    for (let start = 0; start < predictions.length; start += idsPerStatement) {
      const ids = predictions.slice(start, start + idsPerStatement)
      found.push(
        ...(await reader
          .selectFrom('truth')
          .select(['prediction', 'number', 'value'])
          .where('prediction', 'in', ids)
          .orderBy('prediction')
          .orderBy('number')
          .execute()),
      )
    }
    return found
  }
}

/** The items that say something new, numbered after what is known; a repeat within the items counts as known. */
function novelties(
  items: readonly Truth[],
  known: Map<string, { number: number; value: number }>,
): readonly (Truth & { number: number })[] {
  return items.flatMap(item => {
    const before = known.get(item.prediction)
    if (before?.value === item.value) return []
    const number = (before?.number ?? 0) + 1
    known.set(item.prediction, { number, value: item.value })
    return [{ ...item, number }]
  })
}
