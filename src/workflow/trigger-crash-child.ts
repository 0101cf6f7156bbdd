import { z } from 'zod'
import { manualClock } from '#kernel/clock.ts'
import { defineEvent } from '#kernel/event.ts'
import { migrate, openDatabase } from '#storage'
import { compose, inProcess, migrations, objective, until } from './testing.ts'

/**
 * A platform in small, for trigger-crash.test.ts to kill, over a database that others may use at the same time. At its
 * clock three instants of a schedule are due, two datasets are new, an event has happened, and a webhook is delivered.
 * It fires what is not fired, and prints what every run is for.
 */
const [folder, database, owner, webhook, second] = process.argv.slice(2) as [string, string, string, string, string]
const db = openDatabase(database)
await migrate(db, migrations)
// The first process is there before the instants are.
const clock = manualClock(owner === 'one' ? 0 : Number(second) * 1_000)
const { workflow, outbox, projects } = compose({ db, folder, clock, deps: { owner } })
workflow.useExecutor(inProcess(async () => ({ outputs: {}, metrics: [], facts: {} })))

const tasks = { a: { run: 'true' } }
const spec = {
  name: 'rain',
  objective,
  sources: { a: { type: 'csv' }, b: { type: 'csv' } },
  pipelines: {
    time: { triggers: [{ on: 'interval', every: '1m', missed: 'all' }], tasks },
    data: { triggers: [{ on: 'dataset', sources: ['a', 'b'], match: 'all' }], tasks },
    event: { triggers: [{ on: 'event', type: 'test.happened' }], tasks },
    hook: { triggers: [{ on: 'webhook' }], tasks },
  },
}
const added = defineEvent('data.version_added', z.object({ source: z.string() }))
const happened = defineEvent('test.happened', z.object({}))
const hook = { project: 'rain', pipeline: 'hook', name: 'webhook' }

await projects.apply({ actor: 'ann', spec })
outbox.start()
await outbox.settled()
clock.advance(Number(second) * 1_000 - clock.now())
const isTold = (await outbox.after(0, 1_000)).some(event => event.type === happened.type)
if (!isTold)
  await db.transaction().execute(async tx => {
    for (const source of ['a', 'b']) await outbox.emit(tx, added, { project: 'rain', data: { source } })
    await outbox.emit(tx, happened, { project: 'rain', data: {} })
  })
await outbox.settled()
await workflow.startScheduler()
await until(async () => {
  const due = await workflow.triggers.list('rain')
  return due.every(({ nextAt }) => nextAt === undefined || nextAt > clock.now())
})
if (webhook === 'deliver') {
  const secret = await workflow.triggers.renewSecret(hook)
  const { hook: id } = await workflow.triggers.find(hook)
  const headers = { 'x-gitlab-token': secret, 'idempotency-key': 'd1' }
  await workflow.triggers.deliver(id!, { headers, body: Buffer.from('{}') })
}
const { items } = await workflow.runs({ project: 'rain' }, { limit: 50 })
process.stdout.write(JSON.stringify(items.map(({ pipeline, cause }) => `${pipeline} ${cause.ref}`).toSorted()))
await workflow.stop()
await outbox.stop()
await db.destroy()
