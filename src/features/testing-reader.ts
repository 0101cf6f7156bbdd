import type { Millis } from '#kernel/clock.ts'
import { openOnlineStore } from './online-store.sql.ts'

/** The other process of a test: reads what is being written, and counts the answers that mix two writes. */

const keys = Array.from({ length: 200 }, (_, index) => `k${index * 5}`)
const store = await openOnlineStore(process.argv[2]!)
process.send?.('ready')
let torn = 0
let newest = 0
let reads = 0
// At least so many, and until some writes were seen: which process is faster is nobody's promise.
for (; reads < 60 || newest < 3; reads++) {
  const rows = await store.read({ project: 'rain', view: 'daily', keys, at: 20 as Millis })
  const rounds = new Set(rows.flatMap(row => [row.values['round'], row.values['same']]))
  if (rounds.size !== 1) torn += 1
  newest = Math.max(newest, ...rows.map(row => Number(row.values['round'])))
}
await store.close()
process.send?.({ reads, torn, newest })
process.disconnect?.()
