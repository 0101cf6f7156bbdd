import { inside, type AnyTx } from '#storage'
import type { TrackingTables } from './tables.ts'

/** The first of `count` new numbers. The counter's row is locked until the transaction ends. */
export async function nextNumber(
  tx: AnyTx,
  name: 'experiment' | 'run' | 'key' | 'dataset',
  count = 1,
): Promise<number> {
  const { last } = await inside<TrackingTables>(tx)
    .updateTable('tracking_counter')
    .set(eb => ({ last: eb('last', '+', count) }))
    .where('name', '=', name)
    .returning('last')
    .executeTakeFirstOrThrow()
  return last - count + 1
}
