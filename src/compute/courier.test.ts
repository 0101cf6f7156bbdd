import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { wallClock } from '#kernel/clock.ts'
import { migrate, openDatabase } from '#storage'
import type { Engine, Observation } from './engine.ts'
import { attemptRoutes, computeMigrations, createRemotes, sqlRemoteStore } from './index.ts'
import { composeBench } from './testing.ts'

/** An engine whose jobs are processes of this machine. */
function processEngine(): Engine {
  const jobs = new Map<string, ChildProcess>()
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

async function open(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-courier-'))
  const bench = composeBench(folder)
  const db = openDatabase('sqlite::memory:')
  await migrate(db, computeMigrations)
  const app = await createApp({ version: '0' })
  const remotes = createRemotes({
    engines: { cluster: processEngine() },
    store: sqlRemoteStore(db),
    blobs: bench.blobs,
    checkpoints: bench.checkpoints,
    clock: wallClock,
    nodeUrl: () => app.listeningOrigin,
    retentionMs: 60_000,
    graceMs: 1_000,
    silenceMs: 60_000,
    patienceMs: 60_000,
  })
  attemptRoutes(app, remotes.desk)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    app.server.closeAllConnections()
    await app.close()
    remotes.stop()
    bench.executor.stop()
    await db.destroy()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return { ...bench, here: bench.executor, executor: remotes.executors['cluster']! }
}

test('a courier brings a task to where nothing of ours is, and its log, outputs and end back', async t => {
  const { blobs, attempt, executor } = await open(t)
  const rows = await blobs.put('1\n2\n')
  const one = await attempt(
    {
      executor: 'cluster',
      run: 'echo counting; wc -l < "$TRAINYARD_INPUT_ROWS" > "$TRAINYARD_OUTPUT_COUNT"',
      outputs: ['count'],
    },
    { files: {}, inputs: { rows } },
  )

  const { outputs, facts } = await executor.execute(one)

  const made = await blobs.bytes(outputs['count']!.digest!)
  assert.deepEqual([made.toString().trim(), one.lines.at(-1), facts['exit']], ['2', 'counting', 0])
})

test('a task that fails on its node says with which exit code, and what it said last', async t => {
  const { attempt, executor } = await open(t)
  const one = await attempt({ executor: 'cluster', run: 'echo no wind; exit 3' }, { files: {} })

  await assert.rejects(executor.execute(one), {
    code: 'task_failed',
    message: /^The task ended with exit code 3\. Its last lines:\n(?:.*\n)* {2}no wind$/,
  })
})

test('a task that was killed on this machine goes on from its checkpoint on another, and that one’s on this', async t => {
  const { attempt, here, executor, checkpoints } = await open(t)
  const count = `cd "$TRAINYARD_CHECKPOINT"; n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n.tmp; mv n.tmp n; echo "n=$n"`
  const one = await attempt({ run: `${count}; kill -9 $$`, checkpoint: true })
  await assert.rejects(here.execute(one), { code: 'task_failed' })

  const two = await attempt({ executor: 'cluster', run: `${count}; exit 3`, checkpoint: true }, { number: 2 })
  await assert.rejects(executor.execute(two), { code: 'task_failed' })
  const three = await attempt({ run: count, checkpoint: true }, { number: 3 })
  await here.execute(three)

  assert.deepEqual(
    [one, two, three].map(({ lines }) => lines.filter(line => line.startsWith('n='))),
    [['n=1'], ['n=2'], ['n=3']],
  )
  assert.ok(three.lines.includes('The task goes on from its checkpoint of 1 files.'))
  assert.notEqual(await checkpoints.find('run/train'), undefined)
})

test('an attempt that a later one has overtaken keeps nothing any more', async t => {
  const { attempt, here, checkpoints } = await open(t)
  const write = (n: number) => `echo ${n} > "$TRAINYARD_CHECKPOINT/n"; exit 1`
  const [old, young] = [
    await attempt({ run: write(1), checkpoint: true }),
    await attempt({ run: write(2), checkpoint: true }, { number: 2 }),
  ]

  await assert.rejects(here.execute(young))
  const kept = await checkpoints.find('run/train')
  await assert.rejects(here.execute(old))

  assert.equal(await checkpoints.find('run/train'), kept)
})
