/** One more server on a database, whose tasks do nothing, for orchestration.ts. Prints `ready`; ends with its input. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wallClock } from '../src/kernel/clock.ts'
import { openDatabase } from '../src/storage/index.ts'
import { compose } from '../src/workflow/test-bed.ts'

const [database = '', owner = ''] = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'trainyard-orchestration-'))
const db = openDatabase(database)
const { workflow } = compose({ db, folder, clock: wallClock, deps: { owner, parallelPlatformTasks: 1024 } })
workflow.provide('nothing', async () => ({}))
await workflow.startScheduler()
process.stdout.write('ready\n')
await once(process.stdin.resume(), 'end')
await workflow.stop()
await db.destroy()
await rm(folder, { recursive: true, force: true })
