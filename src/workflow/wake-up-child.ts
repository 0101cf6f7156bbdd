import { wallClock } from '#kernel/clock.ts'
import { openDatabase, openWakeUps } from '#storage'
import { compose } from './testing.ts'

/** A replica for wake-up.test.ts that looks for tasks once a minute, unless it is told that there are some. */
const [folder, database] = process.argv.slice(2) as [string, string]
const db = openDatabase(database)
const wakeUps = openWakeUps(database)
const { workflow } = compose({ db, folder, clock: wallClock, deps: { owner: 'hears', pollMs: 60_000, wakeUps } })
workflow.provide('test.answer', async () => ({}))
await workflow.startScheduler()
process.stdout.write('ready\n')
process.on('SIGTERM', async () => {
  await workflow.stop()
  await wakeUps.stop()
  await db.destroy()
})
