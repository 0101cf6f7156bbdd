import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createApp } from '#http'
import { wallClock } from '#kernel/clock.ts'
import { migrate, openDatabase } from '#storage'
import { openBadNetwork } from './bad-network.ts'
import type { Engine, Observation } from './engine.ts'
import { attemptRoutes } from './routes.ts'
import { createRemotes, type RemotesDeps } from './remotes.ts'
import { sqlRemoteStore } from './store.sql.ts'
import { computeMigrations } from './tables.ts'
import { composeBench } from './testing.ts'

/** An engine whose jobs are processes of this machine, and end with the test. */
function processEngine(t: TestContext): Engine {
  const jobs = new Map<string, ChildProcess>()
  t.after(() => jobs.forEach(job => job.kill('SIGKILL')))
  const seen = (name: string): Observation => {
    const job = jobs.get(name)
    if (!job) return { state: 'absent' }
    const { exitCode: code, signalCode: signal } = job
    if (code === null && signal === null) return { state: 'running' }
    return { state: 'ended', end: { ...(code !== null && { code }), cause: code === 0 ? 'succeeded' : 'exit' } }
  }
  return {
    async submit({ attempt, command, env }) {
      const [program = '', ...args] = command
      jobs.set(attempt, spawn(program, args, { env: { PATH: '/usr/bin:/bin', ...env }, stdio: 'inherit' }))
      return attempt
    },
    observe: async names => new Map(names.map(name => [name, seen(name)])),
    cancel: async name => void jobs.get(name)?.kill('SIGTERM'),
    log: async () => '',
    forget: async () => {},
  }
}

/** An executor of {@link processEngine}, and the local one; couriers reach the first over a network that can be made bad. */
export async function openCouriers(t: TestContext, times: Partial<Pick<RemotesDeps, 'silenceMs' | 'patienceMs'>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-courier-'))
  const bench = composeBench(folder)
  const db = openDatabase('sqlite::memory:')
  await migrate(db, computeMigrations)
  const app = await createApp({ version: '0' })
  const remotes = createRemotes({
    engines: { cluster: processEngine(t) },
    store: sqlRemoteStore(db),
    blobs: bench.blobs,
    checkpoints: bench.checkpoints,
    clock: wallClock,
    nodeUrl: () => network.origin,
    retentionMs: 60_000,
    graceMs: 1_000,
    silenceMs: 60_000,
    patienceMs: 60_000,
    ...times,
  })
  attemptRoutes(app, remotes.desk)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const network = await openBadNetwork(t, () => Number(new URL(app.listeningOrigin).port))
  t.after(async () => {
    await app.close()
    remotes.stop()
    bench.executor.stop()
    await db.destroy()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return { ...bench, here: bench.executor, executor: remotes.executors['cluster']!, network }
}
