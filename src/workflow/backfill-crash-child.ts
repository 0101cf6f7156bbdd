import { manualClock } from '#kernel/clock.ts'
import { migrate, openDatabase } from '#storage'
import { compose, inProcess, migrations, objective, until } from './testing.ts'

/**
 * A platform in small, for backfill-crash.test.ts to kill, over a database that others may use at the same time. It
 * back-fills five minutes, unless somebody has begun to, and prints the instants of all runs.
 */
const [folder, database, owner] = process.argv.slice(2) as [string, string, string]
const db = openDatabase(database)
await migrate(db, migrations)
const { workflow, projects } = compose({ db, folder, clock: manualClock(600_000), deps: { owner } })
workflow.useExecutor(inProcess(async () => ({ outputs: {}, metrics: [], facts: {} })))
const triggers = [{ on: 'interval', every: '1m' }]
const pipelines = { minutely: { triggers, tasks: { a: { run: 'true' } } } }
await projects.apply({ actor: 'ann', spec: { name: 'rain', objective, pipelines } })
const begun = async () => (await workflow.backfills.list('rain', { limit: 1 })).items[0]?.backfill
if (!(await begun()))
  await workflow.backfills.start({
    project: 'rain',
    pipeline: 'minutely',
    from: 60_000,
    to: 300_000,
    again: 'none',
    order: 'oldest',
    concurrency: 2,
    actor: 'ann',
  })
await workflow.startScheduler()
await until(async () => (await begun())?.endedAt !== undefined)
const { items } = await workflow.runs({ project: 'rain' }, { limit: 50 })
process.stdout.write(JSON.stringify(items.map(({ state, cause }) => `${cause.ref} ${state}`).toSorted()))
await workflow.stop()
await db.destroy()
