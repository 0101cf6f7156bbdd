import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { wallClock } from '#kernel/clock.ts'
import { defineEvent } from '#kernel/event.ts'
import { migrate, openDatabase } from '#storage'
import { compose, inProcess, migrations, objective } from './testing.ts'

/**
 * A platform in small, for crash.test.ts to kill: data arrives, a trigger starts a pipeline of four tasks, the last with
 * a call for each of two items, and each notes that it was called. Started again over the same folder it finishes what is open, and prints what it finds.
 */
const folder = process.argv[2]!
const arrived = defineEvent('data.arrived', z.object({ source: z.string() }))
const note = (line: string): void => appendFileSync(join(folder, 'calls'), `${line}\n`)

const db = openDatabase(`sqlite:${join(folder, 'state.sqlite')}`)
await migrate(db, migrations)
const { workflow, outbox, projects } = compose({ db, folder, clock: wallClock, deps: {} })
workflow.provide('data.ingest', async ({ task }) => {
  note(task)
  return { outputs: { dataset: { ref: 'dsv_1' } } }
})
workflow.provide('data.validate', async ({ task, inputs }) => {
  note(task)
  return { outputs: { dataset: inputs['dataset']! } }
})
workflow.useExecutor(
  inProcess(async ({ task }) => {
    note(task)
    const outputs = task === 'train' ? { parts: { value: ['a', 'b'] } } : {}
    return { outputs, metrics: [{ name: 'loss', value: 1 }], facts: {} }
  }),
)

await projects.apply({
  actor: 'ann',
  spec: {
    name: 'rain',
    objective,
    sources: { weather: { type: 'csv' } },
    pipelines: {
      refresh: {
        triggers: [{ on: 'data', source: 'weather' }],
        tasks: {
          ingest: { uses: 'data.ingest', params: { source: 'weather' } },
          validate: { uses: 'data.validate', inputs: { dataset: 'ingest.dataset' } },
          train: { run: 'train', inputs: { rows: 'validate.dataset' }, outputs: { parts: 'list' } },
          each: { run: 'each', forEach: { items: 'train.parts', parallel: 1 } },
        },
      },
    },
  },
})
const hasArrived = async (): Promise<boolean> =>
  (await outbox.after(0, 1_000)).some(event => event.type === arrived.type)
if (!(await hasArrived()))
  await db.transaction().execute(tx => outbox.emit(tx, arrived, { project: 'rain', data: { source: 'weather' } }))

outbox.start()
await outbox.settled()
await workflow.startScheduler()
const { items: runs } = await workflow.runs({ project: 'rain' }, { limit: 10 })
for (const { id } of runs) await workflow.settled(id, { timeoutMs: 60_000 })
const events = (await outbox.after(0, 1_000))
  .filter(({ type }) => type.startsWith('workflow.'))
  .map(({ type, data }) => `${type} ${(data as { name?: string }).name ?? ''}`.trim())
const tasks = await Promise.all(runs.map(({ id }) => workflow.tasks(id)))
process.stdout.write(
  JSON.stringify({
    runs: runs.length,
    events,
    tasks: tasks.flat().map(({ name, state, attempt }) => `${name} ${state} ${attempt}`),
  }),
)
await workflow.stop()
await outbox.stop()
await db.destroy()
