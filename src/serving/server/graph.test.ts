import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphNode } from '#project/graph-spec.ts'
import { createGraph, fulfils, type Flow, type ObservedNode } from './graph.ts'
import { RequestError, type RefusalCode } from './request-error.ts'
import type { OutputColumn } from './runtime.ts'
import type { RowsCode } from './serving-code.ts'

const column = (name: string, values: OutputColumn['values'], datatype = 'FP64', width = 1): OutputColumn => ({
  name,
  datatype,
  width,
  values,
})

/** Deployments that answer from the columns that they get. */
const deployments: Readonly<Record<string, (flow: Flow) => OutputColumn[]>> = {
  double: ({ columns }) => [
    column(
      'y',
      columns.get('x')!.values.map(x => Number(x) * 2),
    ),
  ],
  negative: ({ columns }) => [
    column(
      'y',
      columns.get('x')!.values.map(x => -Number(x)),
    ),
  ],
  label: ({ rows }) => [
    column(
      'y',
      Array.from({ length: rows }, () => 'high'),
      'BYTES',
    ),
  ],
  busy: () => {
    throw new RequestError('overloaded', 'Too many rows wait.', { shed: { reason: 'queue', retryAfterS: 3 } })
  },
}

interface Trial {
  readonly nodes: Readonly<Record<string, GraphNode>>
  readonly x: readonly number[]
  readonly code?: Readonly<Record<string, RowsCode>>
  readonly outputs?: readonly { name: string; datatype: string }[]
}

/** What the graph answers about some rows of x, with a city for each; each deployment is asked once for all of its rows. */
async function answer({ nodes, x, code = {}, outputs = [{ name: 'y', datatype: 'FP64' }] }: Trial) {
  const observed: ObservedNode[] = []
  const asked: [string, number][] = []
  const graph = createGraph(
    {
      name: 'advice',
      inputs: [
        { name: 'x', datatype: 'FP64' },
        { name: 'city', datatype: 'BYTES' },
      ],
      outputs,
      nodes,
      code: new Map(Object.entries(code)),
    },
    {
      async ask({ name, flow }) {
        asked.push([name, flow.rows])
        return deployments[name]!(flow)
      },
      observe: node => void observed.push(node),
      random: () => 0.5,
    },
  )
  const answers = await graph
    .run(x.length, [x, x.map(value => (value > 0 ? 'Oslo' : 'Lyon'))])
    .catch((error: Error) => error)
  return {
    answers: answers instanceof Error ? answers : Object.fromEntries(answers.map(({ name, values }) => [name, values])),
    asked,
    observed: observed.map(({ node, isAnswered }) => [node, isAnswered]),
  }
}

const double = { deployment: 'double' }
const negative = { deployment: 'negative' }

test('a sequence: each node gets what came before and what was answered, and the last answers', async () => {
  const { answers, observed } = await answer({
    nodes: {
      root: { sequence: ['before', 'model', 'after'] },
      before: { code: 'a.ts', export: 'default' },
      model: double,
      after: { code: 'b.ts', export: 'default' },
    },
    code: {
      before: ({ x }) => ({ x: x!.map(value => Number(value) + 1) }),
      after: ({ y, city }) => ({ text: y!.map((value, row) => [city![row], value].join(' ')) }),
    },
    x: [1, -3],
    outputs: [{ name: 'text', datatype: 'BYTES' }],
  })

  assert.deepEqual(answers, { text: ['Oslo 4', 'Lyon -4'] })
  assert.deepEqual(observed, [
    ['before', true],
    ['model', true],
    ['after', true],
    ['root', true],
  ])
})

test('a switch: each row goes where it belongs, and the answers come back in order', async () => {
  const { answers, asked } = await answer({
    nodes: {
      root: { switch: [{ node: 'south', when: { input: 'city', is: 'Lyon' } }, { node: 'north' }] },
      south: negative,
      north: double,
    },
    x: [1, -2, 3, -4],
  })

  assert.deepEqual(answers, { y: [2, 2, 6, 4] })
  assert.deepEqual(asked, [
    ['negative', 2],
    ['double', 2],
  ])
})

test('an ensemble: the mean, what most say, or all of it', async () => {
  const nodes = (combine: 'mean' | 'vote' | 'all'): Trial['nodes'] => ({
    root: { ensemble: ['a', 'b', 'c'], combine },
    a: double,
    b: negative,
    c: double,
  })

  assert.deepEqual((await answer({ nodes: nodes('mean'), x: [3] })).answers, { y: [3] })
  assert.deepEqual((await answer({ nodes: nodes('vote'), x: [3] })).answers, { y: [6] })
  const outputs = ['a.y', 'b.y'].map(name => ({ name, datatype: 'FP64' }))
  assert.deepEqual((await answer({ nodes: nodes('all'), x: [3], outputs })).answers, { 'a.y': [6], 'b.y': [-3] })
})

test('a splitter: a request by its lot, or rows by a value, always the same', async () => {
  const nodes = (by?: string): Trial['nodes'] => ({
    root: {
      splitter: [
        { node: 'a', weight: 30 },
        { node: 'b', weight: 70 },
      ],
      ...(by !== undefined && { by }),
    },
    a: double,
    b: negative,
  })
  const x = Array.from({ length: 1_000 }, (_, at) => at + 1)

  assert.equal((await answer({ nodes: nodes(), x })).asked.length, 1)
  const { asked, answers } = await answer({ nodes: nodes('x'), x })
  const shares = new Map(asked)
  assert.ok(Math.abs(shares.get('double')! - 300) < 60, `${shares.get('double')} of 1000`)
  assert.deepEqual((await answer({ nodes: nodes('x'), x })).answers, answers)
})

for (const { what, nodes, code = {}, refusal, says } of [
  {
    what: 'a deployment refuses',
    nodes: { root: { sequence: ['first', 'second'] }, first: double, second: { deployment: 'busy' } },
    refusal: 'overloaded',
    says: 'Node second of advice: Too many rows wait.',
  },
  {
    what: 'code throws',
    nodes: { root: { sequence: ['first'] }, first: { code: 'a.ts', export: 'default' } },
    code: {
      first: () => {
        throw new Error('no such city')
      },
    },
    refusal: 'model_failed',
    says: 'Node first of advice: no such city',
  },
  {
    what: 'code answers too few values',
    nodes: { root: { code: 'a.ts', export: 'default' } },
    code: { root: () => ({ y: [] }) },
    refusal: 'model_failed',
    says: 'Node root of advice: Serving code: output y must be a list with one value for each of 2 rows.',
  },
  {
    what: 'members of an ensemble answer different kinds',
    nodes: { root: { ensemble: ['a', 'b'], combine: 'mean' }, a: double, b: { deployment: 'label' } },
    refusal: 'model_failed',
    says: 'Node root of advice: y is BYTES: there is a mean of numbers alone.',
  },
  {
    what: 'branches answer different kinds',
    nodes: {
      root: { switch: [{ node: 'a', when: { input: 'x', above: 0 } }, { node: 'b' }] },
      a: double,
      b: { deployment: 'label' },
    },
    refusal: 'model_failed',
    says: 'Node root of advice: b and a must both answer y, with values of the same kind.',
  },
] as readonly (Pick<Trial, 'nodes' | 'code'> & { what: string; refusal: RefusalCode; says: string })[])
  test(`when ${what}, the node is named`, async () => {
    const { answers } = await answer({ nodes, code, x: [1, -1] })

    assert.ok(answers instanceof Error)
    assert.deepEqual([(answers as RequestError).code, answers.message], [refusal, says])
  })

test('an output that is declared and not there, or of another kind, is named', async () => {
  const nodes = { root: double }
  const declared = async (output: { name: string; datatype: string }) =>
    ((await answer({ nodes, x: [1], outputs: [output] })).answers as Error).message

  assert.equal(await declared({ name: 'z', datatype: 'FP64' }), 'Node root of advice answers y, not z.')
  assert.equal(
    await declared({ name: 'y', datatype: 'BYTES' }),
    'Node root of advice: output y is FP64, declared as BYTES.',
  )
})

test('a row fulfils all comparisons of a condition', () => {
  const fulfilling = [
    fulfils({ input: 'x', is: true }, true),
    fulfils({ input: 'x', in: ['a', 'b'] }, 'b'),
    fulfils({ input: 'x', above: 1, atMost: 2 }, 2),
    fulfils({ input: 'x', atLeast: 1, below: 2 }, 1),
  ]
  const others = [
    fulfils({ input: 'x', is: 1 }, 2),
    fulfils({ input: 'x', in: ['a'] }, 'b'),
    fulfils({ input: 'x', above: 1, atMost: 2 }, 1),
    fulfils({ input: 'x', atLeast: 1, below: 2 }, 2),
  ]

  assert.deepEqual([fulfilling, others], [Array(4).fill(true), Array(4).fill(false)])
})
