import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenParams } from './given-params.ts'
import { task } from './testing.ts'

const tasks = {
  train: task('x', { params: { c: 0.03, name: 'a', fast: false, best: { from: 'tune.best' } } }),
  check: task('x', { params: { c: 0.1, level: 1 } }),
  report: task('x', { params: { level: 'low' } }),
}

test('parameters get the type of what is declared, also from text; what is declared in two types is as it is given', () => {
  const given = { c: '1e-3', name: 5, fast: 'true', level: 'high', best: 7 }

  assert.deepEqual(givenParams(tasks, given), { c: 0.001, name: '5', fast: true, level: 'high', best: 7 })
  assert.deepEqual(givenParams(tasks, { c: 2, name: '1.0', fast: true }), { c: 2, name: '1.0', fast: true })
})

test('a parameter of another type, or that nothing reads, is refused with its value and what is allowed', () => {
  assert.throws(() => givenParams(tasks, { c: 'abc', name: ['x'], fast: 1, nope: 1 }), {
    code: 'invalid',
    detail: {
      problems: [
        { field: 'params.c', value: 'abc', allowed: 'a number, as declared' },
        { field: 'params.name', value: ['x'], allowed: 'a text, as declared' },
        { field: 'params.fast', value: 1, allowed: 'true or false, as declared' },
        { field: 'params.nope', value: 1, allowed: 'a parameter that a task declares: best, c, fast, level, name' },
      ],
    },
  })
  for (const c of ['', ' ', 'Infinity', true]) assert.throws(() => givenParams(tasks, { c }), { code: 'invalid' })
})
