import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'

function problemsOf(nodes: Record<string, unknown>, name = 'advice'): readonly Problem[] {
  const graph = { inputs: { wind: 'FP32', city: 'BYTES' }, outputs: { probability: 'FP32' }, nodes }
  try {
    parseProjectFile({ ...rain(), graphs: { [name]: graph } })
  } catch (error) {
    if (error instanceof TrainyardError) return error.detail['problems'] as readonly Problem[]
    throw error
  }
  return []
}

const model = { deployment: 'rain' }

test('a graph of every kind of node is right', () => {
  const nodes = {
    root: { sequence: ['prepare', 'pick'] },
    prepare: { code: 'serving/prepare.ts' },
    pick: { switch: [{ node: 'both', when: { input: 'city', in: ['Oslo'] } }, { node: 'split' }] },
    both: { ensemble: ['model', 'other'], combine: 'mean' },
    split: {
      splitter: [
        { node: 'model', weight: 30 },
        { node: 'other', weight: 70 },
      ],
      by: 'city',
    },
    model,
    other: model,
  }

  assert.deepEqual(problemsOf(nodes), [])
})

for (const { what, nodes, name, problem } of [
  { what: 'without a beginning', nodes: { start: model }, problem: ['graphs.advice.nodes', 'root', /one of start/] },
  {
    what: 'to a node that there is not',
    nodes: { root: { sequence: ['modle', 'model'] }, model },
    problem: ['graphs.advice.nodes.root.sequence[0]', 'modle', /did you mean model/],
  },
  {
    what: 'to a deployment that there is not',
    nodes: { root: { deployment: 'snow' } },
    problem: ['graphs.advice.nodes.root.deployment', 'snow', /one of rain/],
  },
  {
    what: 'in a circle',
    nodes: { root: { sequence: ['a'] }, a: { ensemble: ['root', 'model'] }, model },
    problem: ['graphs.advice.nodes.root', 'root → a → root', /no way back/],
  },
  {
    what: 'with a node that nothing leads to',
    nodes: { root: model, lost: model },
    problem: ['graphs.advice.nodes.lost', 'lost', /a node that root leads to/],
  },
  {
    what: 'whose shares are no whole',
    nodes: {
      root: {
        splitter: [
          { node: 'a', weight: 30 },
          { node: 'b', weight: 60 },
        ],
      },
      a: model,
      b: model,
    },
    problem: ['graphs.advice.nodes.root.splitter', 90, /add up to 100/],
  },
  {
    what: 'whose switch leaves rows over',
    nodes: {
      root: {
        switch: [
          { node: 'a', when: { input: 'wind', above: 3 } },
          { node: 'b', when: { input: 'wind', below: 4 } },
        ],
      },
      a: model,
      b: model,
    },
    problem: ['graphs.advice.nodes.root.switch[1].when', { input: 'wind', below: 4 }, /goes to the last/],
  },
  {
    what: 'whose switch looks at what is not sent',
    nodes: { root: { switch: [{ node: 'a', when: { input: 'cty', is: 'Oslo' } }, { node: 'b' }] }, a: model, b: model },
    problem: ['graphs.advice.nodes.root.switch[0].when.input', 'cty', /did you mean city/],
  },
  {
    what: 'whose switch compares a text with a number',
    nodes: { root: { switch: [{ node: 'a', when: { input: 'city', above: 3 } }, { node: 'b' }] }, a: model, b: model },
    problem: ['graphs.advice.nodes.root.switch[0].when.above', 3, /a string, as the input is BYTES/],
  },
  {
    what: 'that has the name of a deployment',
    name: 'rain',
    nodes: { root: model },
    problem: ['graphs.rain', 'rain', /no deployment has/],
  },
] as readonly { what: string; name?: string; nodes: Record<string, unknown>; problem: [string, unknown, RegExp] }[])
  test(`a graph ${what} is refused by node`, () => {
    const [found, ...others] = problemsOf(nodes, name)

    assert.deepEqual([found?.field, found?.value, others], [problem[0], problem[1], []])
    assert.match(found!.allowed!, problem[2])
  })

test('a node that is of no kind is refused where it stands', () => {
  const [found] = problemsOf({ root: { deploymnt: 'rain' } })

  assert.match(found!.field, /^graphs\.advice\.nodes\.root/)
})
