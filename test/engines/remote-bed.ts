import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../../src/compute/engine.ts'
import type { ExecutorBed } from '../../src/compute/executor.contract.ts'
import { attemptRoutes, computeMigrations, createRemotes, sqlRemoteStore } from '../../src/compute/index.ts'
import { composeBench } from '../../src/compute/testing.ts'
import { createApp } from '../../src/http/index.ts'
import { wallClock } from '../../src/kernel/clock.ts'
import { migrate, openDatabase } from '../../src/storage/index.ts'
import { freePort, signalMarked } from './programs.ts'

/** An executor over a real engine, and the desk of the platform that its nodes come to, which can be restarted. */
export async function openRemoteBed(
  engine: Engine,
  { host = '127.0.0.1', image }: { host?: string; image?: string } = {},
): Promise<ExecutorBed & { stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-remote-'))
  const isHere = host === '127.0.0.1'
  const bench = composeBench(folder)
  bench.executor.stop()
  const port = await freePort()
  const database = `sqlite:${join(folder, 'state.db')}`

  async function begin() {
    const db = openDatabase(database)
    await migrate(db, computeMigrations)
    const remotes = createRemotes({
      engines: { cluster: engine },
      store: sqlRemoteStore(db),
      blobs: bench.blobs,
      checkpoints: bench.checkpoints,
      clock: wallClock,
      nodeUrl: () => `http://${host}:${port}`,
      retentionMs: 60_000,
      graceMs: 1_000,
      silenceMs: 6_000,
      patienceMs: 60_000,
    })
    const app = await createApp({ version: '0' })
    attemptRoutes(app, remotes.desk)
    await app.listen({ host: isHere ? host : '0.0.0.0', port })
    return {
      executor: remotes.executors['cluster']!,
      async end() {
        await app.close()
        remotes.stop()
        await db.destroy()
      },
    }
  }

  let side = await begin()
  return {
    blobs: bench.blobs,
    checkpoints: bench.checkpoints,
    attempt: (spec, more) =>
      bench.attempt(
        { executor: 'cluster', ...(image !== undefined && { image }), ...spec },
        { timeoutMs: 600_000, ...more },
      ),
    executor: () => side.executor,
    async restart(between) {
      await side.end()
      await between?.()
      side = await begin()
    },
    ...(isHere && { loseNode }),
    isHere,
    async stop() {
      await side.end()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function loseNode({ id }: { readonly id: string }): Promise<void> {
  for (const mark of [`TRAINYARD_JOB=${id}`, `TRAINYARD_ATTEMPT=${id}`]) await signalMarked(mark, 'SIGKILL')
}
