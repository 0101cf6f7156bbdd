import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'

const train = { run: 'x', params: { rate: 1 }, outputs: { model: 'model', score: 'number' } }
const fit = { tasks: { train }, outputs: { model: 'train.model', score: 'train.score' } }

function problemsOf(pipelines: Record<string, unknown>): readonly Problem[] {
  try {
    parseProjectFile({ ...rain(), pipelines: { ...rain().pipelines, ...pipelines } })
  } catch (error) {
    if (error instanceof TrainyardError) return error.detail['problems'] as readonly Problem[]
    throw error
  }
  return []
}

test('a task that runs a pipeline gives what that pipeline gives, and parsing the answer changes nothing', () => {
  const call = { pipeline: 'fit', params: { rate: 2 } }
  const use = { run: 'y', inputs: { m: 'call.model' }, expects: { m: 'model' }, params: { s: { from: 'call.score' } } }
  const outer = { tasks: { call, use }, outputs: { score: 'call.score' } }
  const most = { tasks: { all: { pipeline: 'outer' }, z: { run: 'z', params: { s: { from: 'all.score' } } } } }

  const file = parseProjectFile({ ...rain(), pipelines: { ...rain().pipelines, most, outer, fit } })

  assert.deepEqual(file.pipelines['outer']!.tasks['call']!.outputs, { model: 'model', score: 'number' })
  assert.deepEqual(file.pipelines['most']!.tasks['all']!.outputs, { score: 'number' })
  assert.deepEqual(parseProjectFile(file), file)
})

const cases: readonly [string, Record<string, unknown>, Problem][] = [
  [
    'a pipeline that runs itself',
    { a: { tasks: { t: { pipeline: 'b' } } }, b: { tasks: { t: { pipeline: 'a' } } } },
    { field: 'pipelines', value: 'a -> b -> a', allowed: 'no cycle: a pipeline cannot run itself' },
  ],
  [
    'a pipeline that is not there',
    { fit, a: { tasks: { t: { pipeline: 'fitt' } } } },
    { field: 'pipelines.a.tasks.t.pipeline', value: 'fitt', allowed: 'one of training, fit, a; did you mean fit?' },
  ],
  [
    'a parameter that nothing there reads',
    { fit, a: { tasks: { t: { pipeline: 'fit', params: { rat: 2 } } } } },
    {
      field: 'pipelines.a.tasks.t.params.rat',
      value: 2,
      allowed: 'a parameter of fit: one of rate; did you mean rate?',
    },
  ],
  [
    'a file that goes in',
    { fit, a: { tasks: { t: { pipeline: 'fit', inputs: { m: 'u.m' } }, u: { run: 'x', outputs: ['m'] } } } },
    { field: 'pipelines.a.tasks.t.inputs.m', value: 'u.m', allowed: 'nothing: a pipeline is given parameters' },
  ],
  [
    'an output that it does not give',
    { fit, a: { tasks: { t: { pipeline: 'fit' }, u: { run: 'x', inputs: { m: 't.modle' } } } } },
    {
      field: 'pipelines.a.tasks.u.inputs.m',
      value: 't.modle',
      allowed: 'an output of t: one of model, score; did you mean model?',
    },
  ],
  [
    'an output that nothing makes',
    { fit: { ...fit, outputs: { model: 'train.modle' } } },
    { field: 'pipelines.fit.outputs.model', value: 'train.modle', allowed: 'an output of train: model, score' },
  ],
]

for (const [what, pipelines, problem] of cases)
  test(`${what} is refused, with field, value and what is allowed`, () =>
    assert.deepEqual(problemsOf(pipelines), [problem]))
