import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { parseFields } from './schema-problems.ts'
import { inOrder, requireSearchable, SearchSpace } from './search-space.ts'

const problemsOf = (json: unknown): readonly Problem[] => {
  try {
    requireSearchable(parseFields(SearchSpace, json, 'The space'))
  } catch (error) {
    if (error instanceof TrainyardError) return error.detail['problems'] as Problem[]
    throw error
  }
  return []
}

const float = { type: 'float', low: 0, high: 1 }
const kind = { type: 'categorical', choices: ['a', 'b'] }

test('each thing that is wrong with a space is named with what is allowed', () => {
  const cases: readonly (readonly [space: object, field: string, allowed: RegExp])[] = [
    [{}, 'space', /1 to 200 parameters/],
    [{ '9x': float }, '9x', /starting with a letter/],
    [{ x: { ...float, type: 'flaot' } }, 'x.type', /float, int, categorical.*did you mean float/],
    [{ x: { ...float, hihg: 2 } }, 'x.hihg', /no such field.*did you mean high/],
    [{ x: { type: 'float', low: 0 } }, 'x.high', /required: a number/],
    [{ x: { ...float, high: -1 } }, 'space.x.high', /at least low, which is 0/],
    [{ x: { ...float, log: true } }, 'space.x.low', /more than 0, as log is set/],
    [{ x: { ...float, low: 0.1, log: true, step: 0.1 } }, 'space.x.step', /nothing, as log is set/],
    [{ x: { ...float, step: 0 } }, 'x.step', /./],
    [{ x: { type: 'int', low: 0, high: 9, log: true } }, 'space.x.low', /1 or more/],
    [{ x: { type: 'int', low: 0.5, high: 9 } }, 'x.low', /whole number/],
    [{ x: { ...kind, choices: ['a', 'a'] } }, 'space.x.choices', /that differ/],
    [{ kind, x: { ...float, when: { knid: 'a' } } }, 'space.x.when.knid', /did you mean kind/],
    [{ kind, x: { ...float, when: { kind: ['a', 'c'] } } }, 'space.x.when.kind', /a value that kind may have/],
    [{ x: { ...kind, when: { y: 'a' } }, y: { ...kind, when: { x: 'a' } } }, 'space', /no cycle/],
  ]

  for (const [space, field, allowed] of cases) {
    const [problem] = problemsOf(space)
    assert.equal(problem?.field, field, JSON.stringify(space))
    assert.match(problem.allowed, allowed)
  }
  assert.deepEqual(problemsOf({ kind, x: { ...float, when: { kind: 'a' } } }), [])
})

test('a parameter comes after those that its conditions name', () => {
  const space = { c: { ...float, when: { b: 'a' } }, b: { ...kind, when: { a: 'a' } }, a: kind }

  assert.deepEqual(inOrder(parseFields(SearchSpace, space, 'The space')), ['a', 'b', 'c'])
})
