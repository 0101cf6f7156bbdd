import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Digest } from '#kernel/digest.ts'
import { TrainyardError } from '#kernel/error.ts'
import { fsBlobs, putTree } from '#storage'
import type { RunTask, Run } from './run.ts'
import type { Attempt } from './task.ts'
import { command, inProcess, openBed, testFolder, until } from './testing.ts'

/** Commands that write what they were given; each call is noted. `work` may hold one up, or fail it. */
async function openCached(t: TestContext, work: (attempt: Attempt) => Promise<void> = async () => {}) {
  const folder = await testFolder(t)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const calls: string[] = []
  const bed = await openBed(t, {
    over: { folder, db: (await openBed(t, { isStopped: true })).db },
    executor: inProcess(async attempt => {
      const { task, params, inputs, spec, code } = attempt
      calls.push(task)
      await work(attempt)
      const text = JSON.stringify({
        run: spec.run,
        params,
        inputs: Object.values(inputs).map(input => input.digest),
        code,
      })
      const made = await Promise.all(
        spec.outputs.map(async name => [name, await blobs.put(`${name} ${text}`)] as const),
      )
      return { outputs: Object.fromEntries(made), metrics: [{ name: 'loss', value: 0.5 }], facts: {} }
    }),
  })
  const start = (tasks: Readonly<Record<string, RunTask>>, code?: Digest): Promise<Run> =>
    bed.workflow.start({
      project: 'rain',
      pipeline: 'test',
      tasks,
      cause: { kind: 'manual', reason: 'A test.' },
      ...(code && { code }),
    })
  return {
    ...bed,
    blobs,
    folder,
    calls,
    start,
    /** Runs to the end; answers the state of each task, and how many calls were made. */
    async play(tasks: Readonly<Record<string, RunTask>>, code?: Digest) {
      const before = calls.length
      const { id } = await start(tasks, code)
      const run = await bed.workflow.settled(id, { timeoutMs: 60_000 })
      return { run, states: Object.values(await bed.states(id)).join(' '), calls: calls.length - before }
    },
    async tree(files: Readonly<Record<string, string>>): Promise<Digest> {
      const code = await mkdtemp(join(tmpdir(), 'trainyard-code-'))
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(code, path)), { recursive: true })
        await writeFile(join(code, path), text)
      }
      const digest = await putTree(blobs, code)
      await rm(code, { recursive: true })
      return digest
    },
  }
}

const prepare = command('prepare', { outputs: ['rows'], cache: 'write' })
const fit = command('fit', {
  outputs: ['model'],
  inputs: { rows: 'prepare.rows' },
  params: { rate: 0.1 },
  cache: 'write',
})
const both = { prepare, fit }

test('what was made from the same is not made again, and says who made it', async t => {
  const { play, workflow, ledger, warnings } = await openCached(t)

  const first = await play(both)
  const second = await play(both)

  const made = await workflow.task(first.run.id, 'fit')
  const { task } = await workflow.task(second.run.id, 'fit')
  const { edges } = await ledger.ancestors(task.id)
  assert.deepEqual(
    [
      [first.states, first.calls, second.run.state, second.states, second.calls, warnings],
      [task.outputs, task.metrics, task.producer],
      edges.some(edge => edge.from === task.id && edge.to === made.task.id && edge.relation === 'reused'),
    ],
    [
      ['succeeded succeeded', 2, 'succeeded', 'cached cached', 0, []],
      [made.task.outputs, { loss: 0.5 }, made.task.id],
      true,
    ],
  )
})

test('another parameter, command, input, output or lock file is another result; a name is none', async t => {
  const { play, tree } = await openCached(t)
  const code = await tree({ 'a.py': '1', 'lib/b.py': '2', 'r.lock': '3', 'README.md': '4' })
  const other = (change: string) =>
    tree({ 'a.py': '1', 'lib/b.py': '2', 'r.lock': '3', 'README.md': '4', ...JSON.parse(change) })
  const narrow: RunTask = {
    ...fit,
    inputs: {},
    environment: { python: 'r.lock' },
    cache: { mode: 'write', files: ['./a.py', 'lib/'] },
  }
  await play(both, code)
  await play({ narrow }, code)

  const states: Record<string, string> = {}
  const see = async (what: string, tasks: Record<string, RunTask>, tree_ = code) =>
    void (states[what] = (await play(tasks, tree_)).states)
  await see('same', both)
  await see('parameter', { prepare, fit: { ...fit, params: { rate: 0.2 } } })
  await see('command', { prepare: { ...prepare, run: 'prepare 2' }, fit })
  await see('outputs', { prepare: { ...prepare, outputs: ['rows', 'more'] }, fit })
  await see('code', both, await other('{"README.md":"5"}'))
  await see('narrow same', { narrow })
  await see('narrow beside', { narrow }, await other('{"README.md":"5"}'))
  await see('narrow within', { narrow }, await other('{"lib/b.py":"5"}'))
  await see('narrow lock', { narrow }, await other('{"r.lock":"5"}'))

  assert.deepEqual(states, {
    same: 'cached cached',
    parameter: 'cached succeeded',
    command: 'succeeded succeeded',
    outputs: 'succeeded cached',
    code: 'succeeded succeeded',
    'narrow same': 'cached',
    'narrow beside': 'cached',
    'narrow within': 'succeeded',
    'narrow lock': 'succeeded',
  })
})

test('a file that the code does not have is named, and no result is taken for it', async t => {
  const { play, tree } = await openCached(t)
  const code = await tree({ 'a.py': '1' })

  const { run } = await play({ fit: { ...fit, inputs: {}, cache: { mode: 'write', files: ['b.py'] } } }, code)

  assert.match(run.error!, /cache\.files = "b\.py": a file or folder of the code/)
})

test('off neither looks nor keeps, read looks, refresh makes anew and keeps', async t => {
  const { play, workflow } = await openCached(t)
  const as = (cache: NonNullable<RunTask['cache']>) => ({ fit: { ...fit, inputs: {}, cache } })

  const off = await play(as('off'))
  const readNone = await play(as('read'))
  const write = await play(as('write'))
  const read = await play(as('read'))
  const refresh = await play(as('refresh'))
  const after = await play(as('read'))

  const producer = (await workflow.task(after.run.id, 'fit')).task.producer
  assert.deepEqual(
    [off, readNone, write, read, refresh, after].map(({ states }) => states),
    ['succeeded', 'succeeded', 'succeeded', 'cached', 'succeeded', 'cached'],
  )
  assert.equal(producer, (await workflow.task(refresh.run.id, 'fit')).task.id)
})

test('a failure is not taken, nor what is too old, nor what has lost its bytes', async t => {
  let fails = true
  const { play, blobs, folder, workflow } = await openCached(t, async () => {
    if (fails) throw new TrainyardError('task_failed', 'No.')
  })
  const one = { fit: { ...fit, inputs: {} } }
  const failed = await play(one)
  fails = false
  const mended = await play(one)
  await new Promise(resolve => setTimeout(resolve, 20))
  const old = await play({ fit: { ...one.fit, cache: { mode: 'write', expires: '10ms' } } })
  const { digest } = (await workflow.task(old.run.id, 'fit')).task.outputs['model']!
  await rm(join(folder, 'blobs', 'sha256', digest!.slice(0, 2), digest!))
  const gone = await play(one)

  assert.deepEqual(
    [failed, mended, old, gone].map(({ states }) => states),
    ['failed', 'succeeded', 'succeeded', 'succeeded'],
  )
  assert.ok(await blobs.find(digest!))
})

test('of those that are to make the same at the same time one does, and the others wait for it', async t => {
  let release = (): void => {}
  const held = new Promise<void>(resolve => (release = resolve))
  const { start, calls, workflow, states } = await openCached(t, () => held)
  const one = { fit: { ...fit, inputs: {} } }

  const runs = await Promise.all([start(one), start(one), start(one)])
  await until(async () => {
    const found = await Promise.all(runs.map(async run => (await states(run.id))['fit']))
    return found.filter(state => state === 'waiting').length === 2
  })
  release()
  const ended = await Promise.all(runs.map(run => workflow.settled(run.id, { timeoutMs: 60_000 })))

  const all = await Promise.all(runs.map(async run => (await states(run.id))['fit']!))
  assert.deepEqual(
    [ended.map(run => run.state), all.toSorted((a, b) => a.localeCompare(b)), calls.length],
    [['succeeded', 'succeeded', 'succeeded'], ['cached', 'cached', 'succeeded'], 1],
  )
})

test('when the one that makes it fails, another of those that wait makes it', async t => {
  let count = 0
  let release = (): void => {}
  const held = new Promise<void>(resolve => (release = resolve))
  const { start, workflow, states } = await openCached(t, async () => {
    if (++count > 1) return
    await held
    throw new TrainyardError('task_failed', 'No.')
  })
  const one = { fit: { ...fit, inputs: {} } }
  const runs = await Promise.all([start(one), start(one)])
  await until(async () => (await Promise.all(runs.map(async run => (await states(run.id))['fit']))).includes('waiting'))
  release()

  const ended = await Promise.all(runs.map(run => workflow.settled(run.id, { timeoutMs: 60_000 })))

  assert.deepEqual(
    ended.map(run => run.state).toSorted((a, b) => a.localeCompare(b)),
    ['failed', 'succeeded'],
  )
})

test('calls for equal items are one call, unless they ask where they stand', async t => {
  const { workflow, calls, blobs } = await openCached(t)
  workflow.provide('list', async () => ({
    outputs: { items: { ...(await blobs.put('["a","b","a"]')), value: ['a', 'b', 'a'] } },
  }))
  const list: RunTask = { ...command('x'), run: undefined, uses: 'list' }
  const each = { ...fit, inputs: {}, forEach: { items: 'list.items', parallel: 1 } }
  const go = async (task: RunTask) => {
    const before = calls.length
    const { id } = await workflow.start({
      project: 'rain',
      pipeline: 'test',
      tasks: { list, each: task },
      cause: { kind: 'manual', reason: 'A test.' },
    })
    await workflow.settled(id, { timeoutMs: 60_000 })
    return [(await workflow.task(id, 'each')).task.items, calls.length - before]
  }

  const same = await go(each)
  const placed = await go({ ...each, params: { place: { from: 'index' } } })

  assert.deepEqual(
    [same, placed],
    [
      [{ succeeded: 2, cached: 1 }, 2],
      [{ succeeded: 3 }, 3],
    ],
  )
})
