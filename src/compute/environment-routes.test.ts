import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { environmentRoutes } from './environment-routes.ts'
import type { EnvironmentState } from './environment-wire.ts'
import { composeBench, openBench, until, type TestAttempt } from './testing.ts'

const files = {
  'package.json': '{ "name": "rain", "type": "module" }',
  'package-lock.json': '{ "lockfileVersion": 3 }',
}
const node = 'package-lock.json'
const npm = `#!/bin/sh
seq 1 1000; test -e broken && { echo "no such version" >&2; exit 1; }
mkdir -p node_modules/.bin; printf 12345 > node_modules/five
printf '#!/bin/sh\\necho greetings\\n' > node_modules/.bin/greet; chmod +x node_modules/.bin/greet
`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** An executor with the routes of its environments; tasks of the workflow are the attempts that were made here. */
async function open(t: TestContext) {
  const clock = manualClock(1_000_000)
  const bench = await openBench(t, folder => ({ clock, env: { PATH: `${folder}/bin:/usr/local/bin:/usr/bin:/bin` } }))
  await mkdir(join(bench.folder, 'bin'))
  await writeFile(join(bench.folder, 'bin', 'npm'), npm, { mode: 0o755 })
  const made = new Map<string, TestAttempt>()
  const app = await createApp({ version: '0' })
  environmentRoutes(app, {
    environments: bench.executor.environments,
    retentionMs: 86_400_000,
    workflow: {
      runOfTask: async id => ({ id }) as never,
      task: async id => ({ attempts: [{ record: made.get(id)!.recorded }] }) as never,
    },
  })
  return {
    ...bench,
    clock,
    async attempt(run: string, more: Parameters<typeof bench.attempt>[1] & { lock?: string } = {}) {
      const lock = more.lock === undefined ? {} : { 'package-lock.json': more.lock }
      const one = await bench.attempt(
        { run, environment: { node } },
        { ...more, files: { ...files, ...lock, ...more.files } },
      )
      made.set(one.id, one)
      return one
    },
    async ask(method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) {
      const answer = await app.inject({ method, url: `/api/v1${path}`, ...(payload && { payload }) })
      return { status: answer.statusCode, body: answer.json() }
    },
    digestOf: ({ recorded }: TestAttempt): string => recorded.environments![0]!.digest,
  }
}

test('an environment is told with its state, size, lock file and last use, and all that its build has said', async t => {
  const { attempt, executor, ask, clock, digestOf } = await open(t)
  const one = await attempt('greet')
  await executor.execute(one)
  clock.advance(5_000)
  await executor.execute(await attempt('greet'))
  const digest = digestOf(one)

  const { body: found } = await ask('GET', `/environments/${digest}`)
  const { body: log } = await ask('GET', `/environments/${digest}/log`)

  const { size, ...rest } = found as EnvironmentState
  assert.deepEqual(rest, {
    digest,
    kind: 'node',
    lock: node,
    lockDigest: sha256(files['package-lock.json']),
    runtime: process.version,
    state: 'ready',
    startedAt: 1_000_000,
    endedAt: 1_000_000,
    lastUsedAt: 1_005_000,
    isInUse: false,
  })
  assert.equal(size, [...Object.values(files), '12345', '#!/bin/sh\necho greetings\n'].join('').length)
  const said = [
    '$ npm ci --ignore-scripts --no-audit --no-fund --prefix .',
    ...Array.from(Array(1_000), (_, i) => i + 1),
  ]
  assert.deepEqual(log, { text: `${said.join('\n')}\n`, next: log.text.length, end: true })
  assert.deepEqual((await ask('GET', '/environments')).body, { items: [found] })
  assert.deepEqual((await ask('GET', `/tasks/${one.id}/environments`)).body, { items: [found] })
  assert.deepEqual((await ask('GET', `/tasks/${one.id}/environments/${digest}/log`)).body, log)
})

test('of a build that failed there is the error and the log, and nothing else; a task sees those of its own alone', async t => {
  const { attempt, executor, ask, folder, digestOf } = await open(t)
  await writeFile(join(folder, 'bin', 'npm'), '#!/bin/sh\necho "no such version"; exit 1', { mode: 0o755 })
  const one = await attempt('greet')
  const other = await attempt('greet', { lock: '{}' })
  for (const each of [one, other]) await executor.execute(each).catch(() => {})
  const digest = digestOf(one)

  const { body: found } = await ask('GET', `/environments/${digest}`)

  assert.deepEqual(
    [found.state, found.error, found.isInUse, await readdir(join(folder, 'data', 'environments'))],
    [
      'failed',
      'The environment of package-lock.json cannot be built: npm ended with exit code 1. Its last lines:\n  no such version',
      false,
      [],
    ],
  )
  assert.match((await ask('GET', `/tasks/${one.id}/environments/${digest}/log`)).body.text, /no such version\n$/)
  assert.equal((await ask('GET', `/tasks/${other.id}/environments/${digest}/log`)).status, 404)
})

test('an environment is not removed while a task runs in it, whoever follows the task; afterwards it is', async t => {
  const { attempt, executor, ask, clock, digestOf, folder } = await open(t)
  const one = await attempt('echo begun; while [ ! -e "$HOME/go" ]; do sleep 0.02; done; greet')
  const execution = executor.execute(one)
  await until(() => one.lines.includes('begun'))
  const digest = digestOf(one)
  // The successor of this server, which has not taken back its tasks yet.
  const successor = composeBench(folder, { clock })
  t.after(() => successor.executor.stop())
  clock.advance(10 * 86_400_000)

  const { status, body } = await ask('DELETE', `/environments/${digest}`)
  const swept = await ask('POST', '/environments/sweep', { unused: '0s' })
  const sweptLater = await successor.executor.environments.sweep(0)
  const isInUse = (await ask('GET', `/environments/${digest}`)).body.isInUse
  const [handle] = one.handles as [{ folder: string }]
  await writeFile(join(handle.folder, 'go'), '')
  await execution
  const removed = await ask('DELETE', `/environments/${digest}`)
  const again = await attempt('greet')
  const absent = await ask('GET', `/environments/${digest}`)
  await executor.execute(again)

  assert.deepEqual(
    [status, body.title, swept, sweptLater, isInUse, removed.status, removed.body.digest, absent.status],
    [
      409,
      `Environment ${digest} is in use: a task runs in it, or it is being built.`,
      { status: 200, body: { items: [] } },
      [],
      true,
      200,
      digest,
      404,
    ],
  )
  assert.deepEqual([one.lines.at(-1), again.lines.at(-1)], ['greetings', 'greetings'])
})

test('what nothing has used for its time is swept, also what was cut off and what there is no record of', async t => {
  const { attempt, executor, ask, clock, digestOf, folder } = await open(t)
  const old = await attempt('greet')
  await executor.execute(old)
  const environments = join(folder, 'data', 'environments')
  const [unknown, cutOff] = ['a'.repeat(64), 'b'.repeat(64)]
  for (const name of [unknown, `${unknown}.going`]) await mkdir(join(environments, name))
  await utimes(join(environments, unknown), 1, 1)
  const builds = join(folder, 'data', 'environment-builds', cutOff)
  await mkdir(builds)
  const record = { kind: 'python', lock: 'a.lock', lockDigest: 'c'.repeat(64), runtime: '3', startedAt: 1 }
  await writeFile(join(builds, 'record.json'), JSON.stringify(record))
  await utimes(join(builds, 'record.json'), 1, 1)
  const { body } = await ask('GET', `/environments/${cutOff}`)
  clock.advance(50_000)
  const young = await attempt('greet', { lock: '{}' })
  await executor.execute(young)

  clock.advance(10_000)
  await executor.sweep()

  assert.deepEqual([body.state, body.lastUsedAt], ['cut off', 1_000])
  assert.deepEqual(await readdir(environments), [digestOf(young)])
  const { items } = (await ask('GET', '/environments')).body
  assert.deepEqual(
    items.map(({ digest }: EnvironmentState) => digest),
    [digestOf(young)],
  )
})

test('a time that is none is refused with what is allowed', async t => {
  const { ask } = await open(t)

  const { status, body } = await ask('POST', '/environments/sweep', { unused: 'soon' })

  assert.deepEqual(
    [status, body.problems],
    [
      422,
      [
        {
          field: 'body.unused',
          value: 'soon',
          allowed: 'A duration such as 90s, 10m, 1.5h or 30d: for how long nothing has used them',
        },
      ],
    ],
  )
})
