import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TrainyardError } from '#kernel/error.ts'
import { exampleLanguage } from './example-language.ts'
import { conditionsMax, depthMax, textMax, type Condition, type Filter, type Operator } from './filter.ts'
import { parseFilter } from './parse-filter.ts'

const parse = (text: string): Filter | undefined => parseFilter(text, exampleLanguage)
const is = (entity: string, key: string, operator: Operator, value?: Condition['value']): Condition =>
  value === undefined ? { entity, key, operator } : { entity, key, operator, value }

const a = is('metric', 'a', '>', 1)
const b = is('param', 'b', '=', 'x')
const c = is('attribute', 'status', '!=', 'FAILED')

const readings: readonly (readonly [text: string, filter: Filter | undefined])[] = [
  ['', undefined],
  ['metrics.a > 1', a],
  ['metric.a>1', a],
  ['  metrics.a\n>\t1  ', a],
  ['metrics.a >= -1', is('metric', 'a', '>=', -1)],
  ['metrics.a<-.5', is('metric', 'a', '<', -0.5)],
  ['metrics.a <= 1e-3', is('metric', 'a', '<=', 0.001)],
  ['metrics.a = .5', is('metric', 'a', '=', 0.5)],
  ['metrics.a != 3.0', is('metric', 'a', '!=', 3)],
  ['metrics.a = 3.', is('metric', 'a', '=', 3)],
  ['metrics.a = 1E+2', is('metric', 'a', '=', 100)],
  ['metrics.val.loss < 1', is('metric', 'val.loss', '<', 1)],
  ['metrics.`val/loss: x` < 1', is('metric', 'val/loss: x', '<', 1)],
  ['metrics."val loss" < 1', is('metric', 'val loss', '<', 1)],
  ['params.`say "hi"` = \'x\'', is('param', 'say "hi"', '=', 'x')],
  ["params.'b' = 'x'", b],
  ['params.0 = "x"', is('param', '0', '=', 'x')],
  ['params.größe = "x"', is('param', 'größe', '=', 'x')],
  ['params.b = "it\'s"', is('param', 'b', '=', "it's")],
  [`params.b = ''`, is('param', 'b', '=', '')],
  [`params.b = 'a AND (b) OR -- ; c'`, is('param', 'b', '=', 'a AND (b) OR -- ; c')],
  [`tags.mlflow.source.name LIKE '%train%'`, is('tag', 'mlflow.source.name', 'LIKE', '%train%')],
  [`tags.and ilike 'X'`, is('tag', 'and', 'ILIKE', 'X')],
  [`tags.x rlike '^a+$'`, is('tag', 'x', 'RLIKE', '^a+$')],
  [`status = 'RUNNING'`, is('attribute', 'status', '=', 'RUNNING')],
  [`attributes.status = "RUNNING"`, is('attribute', 'status', '=', 'RUNNING')],
  ['`run name` = "a"', is('attribute', 'run_name', '=', 'a')],
  ['"run name" = "a"', is('attribute', 'run_name', '=', 'a')],
  ['attribute.`run name` = "a"', is('attribute', 'run_name', '=', 'a')],
  ['created > 1700000000000', is('attribute', 'start_time', '>', 1_700_000_000_000)],
  [`version_number = '3'`, is('attribute', 'version_number', '=', 3)],
  [`run_id IN ('a', "b")`, is('attribute', 'run_id', 'IN', ['a', 'b'])],
  [`run_id not  in('a')`, is('attribute', 'run_id', 'NOT IN', ['a'])],
  [`run_id IN ('a',)`, is('attribute', 'run_id', 'IN', ['a'])],
  ['params.b IS NULL', is('param', 'b', 'IS NULL')],
  ['params.b is not null', is('param', 'b', 'IS NOT NULL')],
  ['span.name = "x"', is('span', 'name', '=', 'x')],
  ['span.attributes.llm.model LIKE "x"', is('span', 'attributes.llm.model', 'LIKE', 'x')],
  [`metrics.a > 1 AND params.b = 'x'`, { and: [a, b] }],
  [`metrics.a > 1 and params.b = 'x' And status != 'FAILED'`, { and: [a, b, c] }],
  [`metrics.a > 1 OR params.b = 'x' AND status != 'FAILED'`, { or: [a, { and: [b, c] }] }],
  [`(metrics.a > 1 OR params.b = 'x') AND status != 'FAILED'`, { and: [{ or: [a, b] }, c] }],
  [`((metrics.a > 1))or(params.b = 'x')`, { or: [a, b] }],
]

test('a filter reads as its tree', () => {
  for (const [text, filter] of readings) assert.deepEqual(parse(text), filter, text)
  assert.equal(parseFilter(undefined, exampleLanguage), undefined)
})

const at = (position: number): string => `Invalid filter on runs at character ${position}.`

const refusals: readonly (readonly [text: string, message: string, value: string | undefined, allowed: RegExp])[] = [
  [' ', at(2), 'the end', /a key of runs/],
  ['metrics.a', at(10), 'the end', /^one of the operators =, !=, <, <=, >, >=, IS NULL, IS NOT NULL$/],
  ['metrics.a >', at(12), 'the end', /finite number without quotes/],
  ['metrics.a == 1', at(11), '==', /one of the operators/],
  ['metrics.a <> 1', at(11), '<>', /one of the operators/],
  ['metrics.a = +1', at(13), '+', /quotes/],
  ['metrics.a = 1x', at(14), 'x', /^AND, OR or the end$/],
  ['metrics.a = 1e999', at(13), '1e999', /finite number/],
  ["metrics.a = '1'", at(13), "'1'", /number without quotes/],
  ['metrics.a LIKE "x"', at(11), 'LIKE', /one of the operators/],
  ['metrics.a IS', at(11), 'IS', /one of the operators/],
  ['metrics.a IS NOT 3', at(11), 'IS', /one of the operators/],
  ['params.b = x', at(12), 'x', /text in quotes/],
  ['params.b = 1', at(12), '1', /text in quotes/],
  ['params.b = `x`', at(12), '`x`', /text in quotes/],
  ['params.b > "x"', at(10), '>', /=, !=, LIKE, ILIKE, IS NULL, IS NOT NULL/],
  ['params.b = "x', at(12), '"x', /a closing "/],
  ['params.b = "x\0"', at(12), '"x\0"', /NUL/],
  ['params.my-key = "x"', at(10), '-', /`backticks`/],
  ['params.my.`key` = "x"', at(11), '`key`', /quoted whole/],
  ['params. = "x"', at(9), '=', /^a key/],
  ['params.`` = "x"', at(1), 'params.', /any key/],
  ['Metrics.a = 1', at(1), 'Metrics.a', /one of metric, metrics, param, params, tags, attribute/],
  ['experiment_id = "1"', at(1), 'experiment_id', /^one of run_id, status, start_time, created, run name/],
  ['constructor = "1"', at(1), 'constructor', /^one of run_id/],
  ['constructor.x = "1"', at(1), 'constructor.x', /an entity of runs/],
  ['span.attributes. = "x"', at(1), 'span.attributes.', /^one of name, attributes\.…$/],
  ['run_id IN ()', at(12), ')', /text in quotes/],
  ["run_id IN 'a'", at(11), "'a'", /a list of texts/],
  ["run_id IN ('a' 'b')", at(16), "'b'", /a comma or a closing \)/],
  ['run_id IN (1)', at(12), '1', /text in quotes/],
  ["run_id NOT LIKE 'a'", at(8), 'NOT', /IN, NOT IN/],
  ["version_number = 'x'", at(18), "'x'", /number/],
  ['metrics.a > 1 AND', at(18), 'the end', /a key of runs/],
  ['AND metrics.a > 1', at(1), 'AND', /one of run_id/],
  ['metrics.a > 1 params.b = "x"', at(15), 'params.b', /AND, OR or the end/],
  ['metrics.a > 1; drop', at(14), ';', /no second statement/],
  ['metrics.a > 1 -- x', at(15), '-', /no comment/],
  ['(metrics.a > 1', at(15), 'the end', /AND, OR or a closing \)/],
  ['metrics.a > 1)', at(14), ')', /AND, OR or the end/],
  ['()', at(2), ')', /a key of runs/],
  ['NOT metrics.a > 1', at(1), 'NOT', /one of run_id/],
  [`tags.x LIKE '${'x'.repeat(2001)}'`, at(13), undefined, /at most 2000/],
  ["tags.x RLIKE '(a'", 'RLIKE cannot read its pattern at character 3.', '(a', /a closing \)/],
]

test('what is wrong is named with its place and what is allowed', () => {
  for (const [text, message, value, allowed] of refusals) {
    assert.throws(
      () => parse(text),
      (error: unknown) => {
        assert.ok(error instanceof TrainyardError && error.code === 'invalid', text)
        const [problem] = error.detail['problems'] as { field: string; value: string; allowed: string }[]
        assert.equal(error.message.split('\n')[0], message, text)
        if (value !== undefined) assert.equal(problem!.value, value, text)
        assert.match(problem!.allowed, allowed, text)
        return true
      },
      text,
    )
  }
})

test('length, depth and number of conditions are bounded', () => {
  const nested = (depth: number): string => `${'('.repeat(depth)}metrics.a > 1${')'.repeat(depth)}`
  const many = (count: number): string => Array.from({ length: count }, () => 'metrics.a > 1').join(' OR ')
  assert.deepEqual(parse(nested(depthMax)), a)
  assert.throws(() => parse(nested(depthMax + 1)), /at most 50 parentheses/)
  assert.throws(() => parse('('.repeat(textMax)), /at most 50 parentheses/)
  assert.deepEqual(parse(many(conditionsMax)), { or: Array.from({ length: conditionsMax }, () => a) })
  assert.throws(() => parse(many(conditionsMax + 1)), /at most 200 conditions/)
  assert.throws(() => parse(' '.repeat(textMax + 1)), /too long/)
})

test('the time to read grows with the text, not faster', () => {
  for (const part of ['(', 'a.', '1e', "'", '`', 'AND ', '-.', '= ', "tags.x RLIKE '(a*)*", 'é']) {
    const start = performance.now()
    assert.throws(() => parse(part.repeat(textMax / part.length)), TrainyardError)
    assert.ok(performance.now() - start < 500, part)
  }
})

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map(value => value.replaceAll(/[\0'`]/g, ''))
const key = text.filter(value => value !== '')
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => (value === 0 ? 0 : value))
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true })
const condition: fc.Arbitrary<Condition> = fc.oneof(
  record({ entity: fc.constant('metric'), key, operator: fc.constantFrom('=', '<', '>='), value: number }),
  record({ entity: fc.constant('param'), key, operator: fc.constantFrom('!=', 'LIKE', 'ILIKE'), value: text }),
  record({ entity: fc.constant('tag'), key, operator: fc.constantFrom('IS NULL', 'IS NOT NULL') }),
  record({
    entity: fc.constant('attribute'),
    key: fc.constant('run_id'),
    operator: fc.constantFrom('IN', 'NOT IN'),
    value: fc.array(text, { minLength: 1, maxLength: 3 }),
  }),
)
const { filter } = fc.letrec<{ filter: Filter; list: Filter[] }>(tie => ({
  filter: fc.oneof(
    { maxDepth: 4 },
    condition,
    tie('list').map(and => ({ and })),
    tie('list').map(or => ({ or })),
  ),
  list: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
}))

const printLiteral = (value: NonNullable<Condition['value']>): string =>
  typeof value === 'number'
    ? String(value)
    : typeof value === 'string'
      ? `'${value}'`
      : `(${value.map(item => `'${item}'`).join(', ')})`

function print(tree: Filter): string {
  if ('and' in tree) return tree.and.map(part => `(${print(part)})`).join(' AND ')
  if ('or' in tree) return tree.or.map(part => `(${print(part)})`).join(' OR ')
  const value = tree.value === undefined ? '' : printLiteral(tree.value)
  return `${tree.entity}s.`.replace(/^attributes\./, 'attribute.') + `\`${tree.key}\` ${tree.operator} ${value}`
}

test('what is printed reads as the tree it was printed from', () => {
  fc.assert(
    fc.property(filter, tree => assert.deepEqual(parse(print(tree)), tree)),
    { numRuns: 500 },
  )
})

const pieces = fc.constantFrom(
  ...'metrics.a params. `b` "c" \'d\' ( ) , = ! < AND OR NOT IN IS NULL LIKE RLIKE 1 - .5 run_id tags.x ; [ \\'.split(
    ' ',
  ),
  '\0',
  "'(?:a|*)'",
)

test('arbitrary text is read or refused, and never ends otherwise', () => {
  const arbitrary = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.array(pieces, { maxLength: 12 }).map(list => list.join(' ')),
  )
  fc.assert(
    fc.property(arbitrary, input => {
      try {
        parse(input)
      } catch (error) {
        assert.ok(error instanceof TrainyardError && error.code === 'invalid')
      }
    }),
    { numRuns: 3_000 },
  )
})
