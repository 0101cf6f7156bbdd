import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import { fsBlobs } from '#storage'
import { join } from 'node:path'
import type { RunTask } from './run.ts'
import type { Attempt } from './task.ts'
import { command, inProcess, openBed, testFolder } from './testing.ts'

/** A bed whose commands write these files as their outputs, and which notes what each was called with. */
async function openCommands(t: TestContext, files: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const folder = await testFolder(t)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const calls: Pick<Attempt, 'task' | 'params'>[] = []
  const bed = await openBed(t, {
    executor: inProcess(async ({ task, params, spec }) => {
      calls.push({ task, params })
      if (task === 'bad') throw new TrainyardError('task_failed', 'No.')
      const outputs = await Promise.all(
        spec.outputs.map(async name => [name, await blobs.put(files[task]![name]!)] as const),
      )
      return { outputs: Object.fromEntries(outputs), metrics: [{ name: 'accuracy', value: 0.8 }], facts: {} }
    }),
    over: { db: await freshDb(t), folder },
  })
  return { ...bed, calls }
}

async function freshDb(t: TestContext) {
  return (await openBed(t, { isStopped: true })).db
}

const tune = command('tune', { outputs: { best: 'number', all: 'object', long: 'list' } })
const long = JSON.stringify(Array.from({ length: 5_000 }, (_, index) => index))
const given = { tune: { best: ' 0.25\n', all: '{"best":{"depth":3}}', long } }

test('values that a task gives are parameters of those behind it, however long', async t => {
  const { run, calls, workflow } = await openCommands(t, given)

  const done = await run({
    tune,
    fit: command('fit', {
      params: { rate: { from: 'tune.best' }, depth: { from: 'tune.all', at: 'best.depth' }, own: 'x' },
    }),
    list: command('list', { params: { all: { from: 'tune.long' } } }),
  })

  const tasks = await workflow.tasks(done.id)
  const paramsOf = (name: string) => calls.find(({ task }) => task === name)?.params
  assert.deepEqual(
    {
      state: done.state,
      fit: paramsOf('fit'),
      list: JSON.stringify(paramsOf('list')?.['all']).length,
      shown: tasks.map(({ params }) => params),
      outputs: Object.entries(tasks[0]!.outputs).map(([name, { value, size }]) => [name, value, size]),
    },
    {
      state: 'succeeded',
      fit: { rate: 0.25, depth: 3, own: 'x' },
      list: long.length,
      shown: [
        {},
        { rate: 0.25, depth: { from: 'tune.all', at: 'best.depth' }, own: 'x' },
        { all: { from: 'tune.long' } },
      ],
      outputs: [
        ['best', 0.25, 6],
        ['all', { best: { depth: 3 } }, 20],
        ['long', undefined, long.length],
      ],
    },
  )
})

const conditions: readonly [RunTask['when'], string | undefined][] = [
  [{ value: 'tune.best', above: 0.2 }, undefined],
  [{ value: 'tune.best', above: 0.25 }, 'tune.best is 0.25, not above 0.25'],
  [{ value: 'tune.best', atLeast: 0.25 }, undefined],
  [{ value: 'tune.all', at: 'best.depth', in: [1, 2] }, 'tune.all at best.depth is 3, not one of [1,2]'],
  [{ value: 'tune.all', at: 'worst', is: 1 }, 'tune.all at worst was not given'],
  [{ metric: 'tune.accuracy', below: 0.5 }, 'tune.accuracy is 0.8, not below 0.5'],
  [{ metric: 'tune.loss', below: 0.5 }, 'tune.loss was not given'],
  [{ param: 'rate', is: 0.25 }, undefined],
  [
    {
      any: [
        { param: 'rate', is: 1 },
        { metric: 'tune.accuracy', is: 0.8 },
      ],
    },
    undefined,
  ],
  [
    {
      all: [
        { param: 'rate', is: 1 },
        { metric: 'tune.accuracy', isNot: 0.8 },
      ],
    },
    'rate is 0.25, not 1; tune.accuracy is 0.8, not anything but 0.8',
  ],
]

test('a task runs when its condition holds, and is skipped with the reason when it does not', async t => {
  const { run, workflow, calls } = await openCommands(t, given)
  const tasks = conditions.map(([when], index) => [
    `c${index}`,
    command('c', { when, params: { rate: { from: 'tune.best' } } }),
  ])

  const done = await run({ tune, ...Object.fromEntries(tasks) })

  const found = (await workflow.tasks(done.id)).slice(1).map(({ state, reason }) => [state, reason])
  const expected = conditions.map(([, reason]) =>
    reason === undefined ? ['succeeded', undefined] : ['skipped', `Its condition does not hold: ${reason}.`],
  )
  assert.deepEqual([done.state, found], ['succeeded', expected])
  assert.equal(calls.length, 1 + conditions.filter(([, reason]) => reason === undefined).length)
})

const wrong: readonly [RunTask['outputs'], string, string][] = [
  [{ x: 'number' }, 'high', 'Output x is declared as number and says "high".'],
  [{ x: 'integer' }, '1.5', 'Output x is declared as integer and says 1.5.'],
  [{ x: 'list' }, '{}', 'Output x is declared as list and says {}.'],
  [{ x: 'object' }, '[]', 'Output x is declared as object and says [].'],
  [{ x: 'string' }, 'a'.repeat(5_000), 'Output x is declared as string and is longer than 4096 characters.'],
]

test('an output that is not the value it is declared as fails its task, and says so', async t => {
  const files = Object.fromEntries(wrong.map(([, text], index) => [`t${index}`, { x: text }]))
  const { run, workflow } = await openCommands(t, files)

  const done = await run(Object.fromEntries(wrong.map(([outputs], index) => [`t${index}`, command('x', { outputs })])))

  assert.deepEqual(
    (await workflow.tasks(done.id)).map(({ state, error }) => [state, error]),
    wrong.map(([, , error]) => ['failed', error]),
  )
})

test('what runs at the end knows what became of the run, and does without what was not made', async t => {
  const { run, calls } = await openCommands(t, given)

  const done = await run({
    tune,
    bad: command('bad', { after: ['tune'], outputs: { n: 'number' } }),
    tell: command('tell', {
      final: true,
      params: {
        state: { from: 'run.state' },
        error: { from: 'run.error' },
        n: { from: 'bad.n' },
        best: { from: 'tune.best' },
      },
      when: { value: 'run.state', in: ['failed', 'cancelled'] },
    }),
    cheer: command('cheer', { final: true, when: { value: 'run.state', is: 'succeeded' } }),
  })

  assert.deepEqual(
    [done.state, done.error, calls.map(({ task }) => task), calls.at(-1)?.params],
    ['failed', 'Task bad: No.', ['tune', 'bad', 'tell'], { state: 'failed', error: 'Task bad: No.', best: 0.25 }],
  )
})
