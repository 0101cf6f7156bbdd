import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { wallClock } from '#kernel/clock.ts'
import { migrate, openDatabase } from '#storage'
import { compose, inProcess, migrations, objective } from './testing.ts'

/**
 * A platform in small, for overlap-crash.test.ts to kill, over a database that others may use at the same time. It starts
 * three runs of a pipeline of which one may be active, by keys that everybody uses, and prints what became of them.
 */
const [folder, database, owner] = process.argv.slice(2) as [string, string, string]
const db = openDatabase(database)
await migrate(db, migrations)
const { workflow, projects } = compose({ db, folder, clock: wallClock, deps: { owner } })
workflow.useExecutor(
  inProcess(async ({ run }) => {
    appendFileSync(join(folder, 'calls'), `${run.id}\n`)
    return { outputs: {}, metrics: [], facts: {} }
  }),
)
const pipelines = { fit: { overlap: 'queue', tasks: { a: { run: 'true' } } } }
await projects.apply({ actor: 'ann', spec: { name: 'rain', objective, pipelines } })
const cause = { kind: 'manual', reason: 'A test.' } as const
const runs: string[] = []
for (const key of ['a', 'b', 'c'])
  runs.push((await workflow.start({ project: 'rain', pipeline: 'fit', cause, key })).id)
await workflow.startScheduler()
const states: string[] = []
for (const id of runs) states.push((await workflow.settled(id, { timeoutMs: 40_000 })).state)
process.stdout.write(JSON.stringify({ runs, states }))
await workflow.stop()
await db.destroy()
