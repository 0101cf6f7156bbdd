import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planeOf, assignmentOf } from './plane.ts'
import { propose } from './sampler.ts'
import { search, studyOf } from './testing.ts'
import { createHistory } from './trial.ts'

const samplers = ['tpe', 'random', 'sobol', 'cma-es', 'grid'] as const

const mixed = {
  kind: { type: 'categorical', choices: ['tree', 'line', 7, true] },
  rate: { type: 'float', low: 1e-5, high: 0.1, log: true },
  share: { type: 'float', low: 0.1, high: 0.9, step: 0.2 },
  depth: { type: 'int', low: 1, high: 9, step: 2, when: { kind: 'tree' } },
  width: { type: 'int', low: 1, high: 64, log: true, when: { kind: ['tree', 7] } },
  deep: { type: 'float', low: -1, high: 1, when: { kind: 'tree', depth: [7, 9] } },
}

/** Everything that a value of the mixed space promises. */
function requireAllowed(params: Record<string, unknown>): void {
  const { kind, rate, share, depth, width, deep } = params as Record<string, number>
  assert.ok((mixed.kind.choices as readonly unknown[]).includes(kind))
  assert.ok(rate! >= 1e-5 && rate! <= 0.1)
  assert.ok([0.1, 0.3, 0.5, 0.7, 0.9].includes(share!), String(share))
  assert.equal(depth !== undefined, (kind as unknown) === 'tree')
  if (depth !== undefined) assert.ok([1, 3, 5, 7, 9].includes(depth), String(depth))
  assert.equal(width !== undefined, (kind as unknown) === 'tree' || kind === 7)
  if (width !== undefined) assert.ok(Number.isInteger(width) && width >= 1 && width <= 64)
  assert.equal(deep !== undefined, depth === 7 || depth === 9)
}

test('every sampler stays in the space, and gives a parameter exactly while its conditions hold', () => {
  for (const type of samplers) {
    const spec = studyOf({ space: mixed, sampler: type === 'grid' ? { type, points: 4 } : { type } })
    const loss = ({ rate, depth = 0 }: Record<string, number>): number => Math.abs(Math.log10(rate!) + 3) - depth
    const { tried } = search(spec, 60, loss)

    assert.equal(tried.length, 60, type)
    for (const params of tried) requireAllowed(params)
  }
})

test('the same trials and seed propose the same, also by a process that remembers nothing', () => {
  const loss = ({ rate }: Record<string, number>): number => Math.log10(rate!) ** 2
  for (const type of samplers)
    for (const seed of [0, 5]) {
      const spec = studyOf({ space: mixed, seed, sampler: { type, ...(type === 'grid' && { points: 3 }) } })
      const { tried } = search(spec, 40, loss)

      assert.deepEqual(search(spec, 40, loss).tried, tried)
      // Without what the process has kept of the trials before.
      const plane = planeOf(spec.space)
      const history = createHistory()
      for (const [number, params] of tried.slice(0, 39).entries()) {
        const { note } = propose(plane, spec.sampler, { history, number, seed })!
        history.put({ number, state: 'complete', params, loss: loss(params as never), step: undefined, note })
      }
      const fresh = propose(planeOf(spec.space), spec.sampler, { history, number: 39, seed })!
      assert.deepEqual(assignmentOf(plane, fresh.places), tried[39], type)
    }
})

test('another seed tries other things', () => {
  for (const type of samplers) {
    const tried = [1, 2].map(seed => search(studyOf({ space: mixed, seed, sampler: { type } }), 5, () => 0).tried)
    assert.notDeepEqual(tried[0], tried[1], type)
  }
})

test('a grid has each combination once, and then there is no place left', () => {
  const space = {
    kind: { type: 'categorical', choices: ['a', 'b'] },
    depth: { type: 'int', low: 1, high: 3, when: { kind: 'a' } },
    rate: { type: 'float', low: 0, high: 1 },
  }
  const { tried } = search(studyOf({ space, sampler: { type: 'grid', points: 3 } }), 100, () => 0)

  const expected = [
    ...[1, 2, 3].flatMap(depth => [0, 0.5, 1].map(rate => ({ kind: 'a', depth, rate }))),
    ...[0, 0.5, 1].map(rate => ({ kind: 'b', rate })),
  ]
  assert.deepEqual(
    tried.map(params => JSON.stringify(params, ['kind', 'depth', 'rate'])).toSorted(),
    expected.map(params => JSON.stringify(params)).toSorted(),
  )
})

const rosenbrock = ({ x, y }: Record<string, number>): number => 100 * (y! - x! * x!) ** 2 + (1 - x!) ** 2
const plane2 = { x: { type: 'float', low: -5, high: 10 }, y: { type: 'float', low: -5, high: 10 } }

test('models find what chance does not: the valley of Rosenbrock', () => {
  const best = (type: string, trials: number): number => {
    const bests = [0, 1, 2, 3, 4].map(
      seed => search(studyOf({ space: plane2, seed, sampler: { type } }), trials, rosenbrock).best,
    )
    return bests.toSorted((a, b) => a - b)[2]!
  }

  assert.ok(best('cma-es', 400) < 1e-3, String(best('cma-es', 400)))
  assert.ok(best('tpe', 150) < best('random', 150) / 5, `${best('tpe', 150)} ${best('random', 150)}`)
})

test('whole numbers do not stand still under CMA-ES', () => {
  const space = { n: { type: 'int', low: 0, high: 1_000 }, m: { type: 'int', low: 0, high: 3 }, x: plane2.x }
  const { best } = search(
    studyOf({ space, sampler: { type: 'cma-es' } }),
    400,
    ({ n, m, x }) => Math.abs(n! - 707) / 10 + m! + x! ** 2,
  )

  assert.ok(best < 0.5, String(best))
})

test('TPE looks away from where trials are running', () => {
  const spec = studyOf({ sampler: { type: 'tpe' } })
  const plane = planeOf(spec.space)
  const history = createHistory()
  for (let number = 0; number < 40; number++)
    history.put({
      number,
      state: 'complete',
      params: { x: number / 40 },
      loss: Math.abs(number / 40 - 0.5),
      step: undefined,
      note: undefined,
    })
  const spread = (): number => {
    const drawn = Array.from({ length: 30 }, (_, at) =>
      propose(plane, spec.sampler, { history, number: 60 + at, seed: 1 })!,
    )
    return drawn.filter(({ places }) => Math.abs(places[0]! - 0.5) < 0.02).length
  }
  const before = spread()

  for (let number = 40; number < 60; number++)
    history.put({ number, state: 'running', params: { x: 0.5 }, loss: undefined, step: undefined, note: undefined })

  assert.ok(before >= 10 && spread() < before / 2, `${before} and ${spread()}`)
})

test('any space that is accepted can be searched by TPE', () => {
  const range = fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.nat(60))
    .map(([low, more]) => ({ low, high: low + more }))
  const param = fc.oneof(
    range.map(bounds => ({ type: 'float', ...bounds })),
    fc.tuple(range, fc.integer({ min: 1, max: 7 })).map(([bounds, step]) => ({ type: 'int', ...bounds, step })),
    range.map(({ low, high }) => ({ type: 'float', low: 2 ** (low / 10), high: 2 ** (high / 10), log: true })),
    fc
      .integer({ min: 1, max: 5 })
      .map(count => ({ type: 'categorical', choices: Array.from({ length: count }, (_, i) => i) })),
  )
  fc.assert(
    fc.property(fc.array(param, { minLength: 1, maxLength: 4 }), fc.nat(1_000), (params, seed) => {
      const space = Object.fromEntries(params.map((each, index) => [`p${index}`, each]))
      const { tried } = search(studyOf({ space, seed }), 16, values => Number(Object.values(values)[0]))
      for (const values of tried)
        for (const [index, each] of params.entries()) {
          const value = Number((values as Record<string, number>)[`p${index}`])
          if ('low' in each) assert.ok(value >= each.low && value <= each.high, JSON.stringify([each, value]))
        }
    }),
    { numRuns: 60 },
  )
})
