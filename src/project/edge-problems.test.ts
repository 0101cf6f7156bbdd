import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'

/** What is wrong with the example when its pipeline has these tasks too. */
function problemsOf(tasks: Record<string, unknown>, finals?: Record<string, unknown>): readonly Problem[] {
  const file = structuredClone(rain())
  const training = file.pipelines!['training']!
  const pipelines = { training: { ...training, tasks: { ...training.tasks, ...tasks }, finally: finals } }
  try {
    parseProjectFile({ ...file, pipelines })
  } catch (error) {
    if (error instanceof TrainyardError) return error.detail['problems'] as readonly Problem[]
    throw error
  }
  return []
}

const tune = { run: 'tune', outputs: { best: 'number', names: 'list', note: 'string', all: 'object', m: 'model' } }
const field = (end: string): string => `pipelines.training.tasks.${end}`

test('values go to parameters and conditions, files to inputs, and each fits', () => {
  const fitting = {
    tune,
    fit: {
      run: 'fit',
      params: { rate: { from: 'tune.best' }, depth: { from: 'tune.all', at: 'best.depth' } },
      inputs: { rows: 'split.train', note: 'tune.note' },
      expects: { rows: 'dataset', note: 'string' },
      when: {
        all: [
          { value: 'tune.best', above: 0.1 },
          { metric: 'evaluate.brier', below: 0.3 },
          { param: 'rate', isNot: 0 },
        ],
      },
      outputs: ['model'],
    },
    judge: { uses: 'registry.evaluate', params: { model: 'rain' }, inputs: { model: 'fit.model', test: 'split.test' } },
    again: { uses: 'registry.evaluate', params: { model: 'rain' }, inputs: { model: 'tune.m', test: 'split.test' } },
    either: { run: 'e', after: ['judge', 'again'], join: 'any' },
  }
  const finals = {
    tell: {
      run: 'tell',
      params: { state: { from: 'run.state' }, best: { from: 'tune.best' } },
      when: { value: 'run.state', is: 'failed' },
    },
  }

  assert.deepEqual(problemsOf(fitting, finals), [])
})

const cases: readonly [string, Record<string, unknown>, Problem][] = [
  [
    'an edge of the wrong kind',
    {
      tune,
      judge: {
        uses: 'registry.evaluate',
        params: { model: 'rain' },
        inputs: { model: 'tune.best', test: 'split.test' },
      },
    },
    { field: field('judge.inputs.model'), value: 'tune.best', allowed: 'a model; tune.best is a number' },
  ],
  [
    'an approval that is polled',
    { ask: { approval: { message: 'Go on?' }, poll: { every: '5m' } } },
    { field: field('ask.poll'), value: { every: '5m' }, allowed: 'nothing: only run and function tasks are polled' },
  ],
  [
    'work of the platform in a queue',
    { again: { uses: 'data.ingest', params: { source: 'weather' }, queue: 'gpu' } },
    { field: field('again.queue'), value: 'gpu', allowed: 'nothing: only run and function tasks are in queues' },
  ],
  [
    'a look at every moment',
    { look: { run: 'x', poll: { every: '500ms' } } },
    { field: field('look.poll.every'), value: '500ms', allowed: 'at least 1s' },
  ],
  [
    'an input that is not what it is expected to be',
    { tune, use: { run: 'x', inputs: { a: 'tune.m' }, expects: { a: 'dataset' } } },
    { field: field('use.inputs.a'), value: 'tune.m', allowed: 'a dataset; tune.m is a model' },
  ],
  [
    'an expectation of no input',
    { use: { run: 'x', inputs: { rows: 'split.train' }, expects: { row: 'dataset' } } },
    { field: field('use.expects.row'), value: 'dataset', allowed: 'one of rows; did you mean rows?' },
  ],
  [
    'a parameter from a file',
    { use: { run: 'x', params: { a: { from: 'train.model' } } } },
    {
      field: field('use.params.a.from'),
      value: 'train.model',
      allowed: 'a value: train declares no kind for it, say outputs: { model: number } there',
    },
  ],
  [
    'a parameter from an output that is not there',
    { tune, use: { run: 'x', params: { a: { from: 'tune.bst' } } } },
    {
      field: field('use.params.a.from'),
      value: 'tune.bst',
      allowed: 'an output of tune: one of best, names, note, all, m; did you mean best?',
    },
  ],
  [
    'a path into a number',
    { tune, use: { run: 'x', params: { a: { from: 'tune.best', at: 'x' } } } },
    { field: field('use.params.a.at'), value: 'x', allowed: 'nothing: tune.best is a number' },
  ],
  [
    'an order of texts',
    { tune, use: { run: 'x', when: { value: 'tune.note', above: 1 } } },
    { field: field('use.when.above'), value: 1, allowed: 'a number to compare; tune.note is a string' },
  ],
  [
    'a number that is to be a text',
    { tune, use: { run: 'x', when: { any: [{ value: 'tune.best', is: 'high' }] } } },
    { field: field('use.when.any[0].is'), value: 'high', allowed: 'a number, as tune.best is' },
  ],
  [
    'a condition about nothing',
    { use: { run: 'x', when: { above: 1 } } },
    { field: field('use.when'), value: undefined, allowed: 'exactly one of value, metric, param' },
  ],
  [
    'a condition that compares with nothing',
    { use: { run: 'x', when: { metric: 'train.loss' } } },
    {
      field: field('use.when'),
      value: undefined,
      allowed: 'exactly one of is, isNot, in, above, atLeast, below, atMost',
    },
  ],
  [
    'a condition on a task that waits for it',
    { a: { run: 'x', when: { metric: 'b.loss', above: 1 } }, b: { run: 'x', after: ['a'] } },
    { field: 'pipelines.training.tasks', value: 'a -> b -> a', allowed: 'no cycle: a task cannot wait for itself' },
  ],
  [
    'the state of the run before its end',
    { use: { run: 'x', params: { s: { from: 'run.state' } } } },
    {
      field: field('use.params.s.from'),
      value: 'run.state',
      allowed: 'the state of the run is known to tasks of `finally` alone',
    },
  ],
  [
    'a kind that there is not',
    { tune: { run: 'x', outputs: { best: 'float' } } },
    {
      field: field('tune.outputs.best'),
      value: 'float',
      allowed: 'one of file, folder, model, dataset, string, number, integer, boolean, list, object',
    },
  ],
  [
    'a declared name that is known only later',
    { tune, ingest: { uses: 'data.ingest', params: { source: { from: 'tune.note' } } } },
    {
      field: field('ingest.params.source'),
      value: { from: 'tune.note' },
      allowed: 'a name that stands here, not a value of another task',
    },
  ],
]

for (const [what, tasks, problem] of cases)
  test(`${what} is refused, with field, value and what is allowed`, () =>
    assert.deepEqual(problemsOf(tasks), [problem]))

test('a task at the end has a name of its own, and waits for others of the end alone', () => {
  const finals = { train: { run: 'x' }, tell: { run: 'x', after: ['evaluate'] } }

  assert.deepEqual(problemsOf({}, finals), [
    { field: 'pipelines.training.finally.train', value: 'train', allowed: 'a name that no other task has' },
    {
      field: 'pipelines.training.finally.tell.after[0]',
      value: 'evaluate',
      allowed: 'one of train, tell',
    },
  ])
})
