import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { wallClock } from '#kernel/clock.ts'
import { migrate, openDatabase, openWakeUps } from '#storage'
import { sharedEngines } from './crash-bed.ts'
import { compose, migrations, task, testFolder } from './testing.ts'

const child = fileURLToPath(new URL('wake-up-child.ts', import.meta.url))
const open = sharedEngines['postgres']

test(
  'a replica takes a task at once that is made ready in another one',
  { skip: !open && 'without PostgreSQL' },
  async t => {
    const folder = await testFolder(t)
    const database = await open!(t, folder)
    const db = openDatabase(database)
    t.after(() => db.destroy())
    await migrate(db, migrations)
    const wakeUps = openWakeUps(database)
    t.after(() => wakeUps.stop())
    const { workflow } = compose({ db, folder, clock: wallClock, deps: { owner: 'tells', wakeUps } })
    workflow.provide('test.answer', async () => ({}))
    const replica = spawn(process.execPath, [child, folder, database], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(async () => {
      replica.kill('SIGTERM')
      if (replica.exitCode === null && replica.signalCode === null) await once(replica, 'exit')
    })
    await once(replica.stdout, 'data')

    const states: string[] = []
    for (const name of ['first', 'second']) {
      const { id } = await workflow.start({
        project: 'rain',
        pipeline: name,
        tasks: { a: task('test.answer'), b: task('test.answer', { after: ['a'] }) },
        cause: { kind: 'manual', reason: 'A test.' },
      })
      states.push((await workflow.settled(id, { timeoutMs: 30_000 })).state)
    }

    assert.deepEqual(states, ['succeeded', 'succeeded'])
  },
)
