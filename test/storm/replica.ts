import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openOnlineStore } from '#features'
import { readConfig } from '#kernel/config.ts'
import { databaseClock, migrate, openDatabase } from '#storage'
import { compose } from '../../src/composition/compose.ts'
import { migrations } from '../../src/composition/migrations.ts'

/**
 * A control plane without its doors, for the storms to kill: everything that a server is composed of, and only the
 * scheduler runs. Prints `ready`; ends at SIGTERM.
 */
const [database = '', shared = '', name = ''] = process.argv.slice(2)
const data = join(shared, name)
mkdirSync(data, { recursive: true })
const config = readConfig({
  TRAINYARD_DATA: data,
  TRAINYARD_BLOBS: `file:${join(shared, 'blobs')}`,
  TRAINYARD_LOGS: join(shared, 'logs'),
  TRAINYARD_TASK_GRACE: '1s',
  TRAINYARD_PARALLEL_TASKS: '4',
})
// oxlint-disable-next-line node/no-process-env -- the test says so there
const db = openDatabase(database, { connectionsMax: Number(process.env['CONNECTIONS'] ?? 10) })
await migrate(db, migrations)
const clock = await databaseClock(db, database)
const onlineUrl = `sqlite:${join(data, 'online.db')}`
const { workflow, executor } = compose({
  config,
  db,
  online: await openOnlineStore(onlineUrl),
  onlineUrl,
  clock,
  owner: name,
  version: 'storm',
  env: process.env, // oxlint-disable-line node/no-process-env -- a child process inherits the machine's environment
  baseUrl: () => 'http://127.0.0.1:9',
  warn: (facts, message) => process.stderr.write(`${name}: ${message} ${JSON.stringify(facts)}\n`),
})
await workflow.startScheduler()
process.stdout.write('ready\n')
process.on('SIGTERM', async () => {
  await workflow.stop()
  executor.stop()
  process.exit(0)
})
