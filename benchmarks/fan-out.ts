/**
 * A task with a call for each of 10,000 items, on SQLite with full synchronisation: how long the calls take to be written,
 * to be claimed, to be done, and a page of them to be read, and what memory that takes at its highest.
 *
 *   node benchmarks/fan-out.ts [--items 10000]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { wallClock } from '../src/kernel/clock.ts'
import { migrate, openDatabase } from '../src/storage/index.ts'
import { compose, migrations, task } from '../src/workflow/test-bed.ts'
import { printTable } from './table.ts'

const at = process.argv.indexOf('--items')
const count = at < 0 ? 10_000 : Number(process.argv[at + 1])

// As the server does: src/main.ts.
setFlagsFromString('--heap-growing-percent=50')

const folder = await mkdtemp(join(tmpdir(), 'trainyard-fan-out-'))
const db = openDatabase(`sqlite:${join(folder, 'state.sqlite')}`)
await migrate(db, migrations)
const { workflow, store } = compose({
  db,
  folder,
  clock: wallClock,
  deps: { parallelPlatformTasks: 64 },
})
let firstCall = 0
workflow.provide('list', async () => ({
  outputs: { items: { value: Array.from({ length: count }, (_, index) => ({ fold: index })) } },
}))
workflow.provide('work', async ({ params }) => {
  firstCall ||= performance.now()
  return { outputs: { seen: { value: params['index']! } } }
})

/** Longest time for which nothing else had its turn. */
let stall = 0
let last = performance.now()
const watch = setInterval(() => {
  const now = performance.now()
  stall = Math.max(stall, now - last - 5)
  last = now
}, 5)

const began = performance.now()
const run = await workflow.start({
  project: 'rain',
  pipeline: 'test',
  tasks: {
    list: task('list', { outputs: ['items'] }),
    each: task('work', { forEach: 'list.items', outputs: ['seen'] }),
  },
  cause: { kind: 'manual', reason: 'A benchmark.' },
})
await workflow.startScheduler()
while (firstCall === 0) await new Promise(resolve => setTimeout(resolve, 5))
const expanded = firstCall - began

const opened = performance.now()
const tasks = await workflow.tasks(run.id)
const openMs = performance.now() - opened
const paged = performance.now()
await workflow.taskLines({ run: run.id, parent: tasks[1]!.id }, { limit: 500 })
const pageMs = performance.now() - paged

const { state } = await workflow.settled(run.id, { timeoutMs: 600_000 })
const seconds = (performance.now() - firstCall) / 1_000
clearInterval(watch)
const claimed = performance.now()
await store.dueAt(['platform', 'executor', 'remote'])
const dueMs = performance.now() - claimed

printTable(`A task with a call for each of ${count} items (SQLite, FULL)`, [
  { what: 'start to first call, s (all calls written)', value: (expanded / 1_000).toFixed(2), anchor: '5 or less' },
  { what: 'calls done per second, 64 at a time', value: Math.round(count / seconds), anchor: '' },
  { what: 'opening the run while it runs, ms', value: openMs.toFixed(1), anchor: '' },
  { what: 'a page of 500 calls, ms', value: pageMs.toFixed(1), anchor: '' },
  { what: 'is anything due, ms', value: dueMs.toFixed(2), anchor: '' },
  { what: 'longest stall, ms', value: Math.round(stall), anchor: '' },
  {
    what: 'memory at its highest, MB',
    value: Math.round((process.resourceUsage().maxRSS * 1_024) / 1e6),
    anchor: '300 or less',
  },
  { what: 'the run', value: state, anchor: 'succeeded' },
])
await workflow.stop()
await db.destroy()
await rm(folder, { recursive: true })
