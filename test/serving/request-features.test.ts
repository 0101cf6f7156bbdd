import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { checkSelect } from '../../src/features/expression/check.ts'
import { compile } from '../../src/features/expression/run.ts'
import { columns, exact, names, rounded, roundedWithin, rows, zoned } from '../../src/features/expression/testing.ts'

const modules = join(import.meta.dirname, '../../src/serving/server/embedded/python')

/** What the module for Python makes of the same rows. */
async function inPython(texts: readonly string[]): Promise<readonly (readonly unknown[])[]> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-features-'))
  try {
    const asked = join(folder, 'asked.json')
    const expressions = texts.map(text => expressionOf(text))
    await writeFile(asked, JSON.stringify({ needs: names, expressions, rows }))
    const script = join(import.meta.dirname, 'request_features.py')
    const { stdout } = await promisify(execFile)('python3', [script, modules, asked], { maxBuffer: 2 ** 28 })
    return JSON.parse(stdout) as unknown[][]
  } finally {
    await rm(folder, { recursive: true })
  }
}

const expressionOf = (text: string) => checkSelect(`SELECT ${text} AS v FROM request`, columns)[0]!.expression

interface Difference {
  readonly expression: string
  readonly row: readonly unknown[]
  readonly javascript: unknown
  readonly python: unknown
}

/** The first difference of each expression. */
async function differences(texts: readonly string[], rounding = 0): Promise<Difference[]> {
  const answers = await inPython(texts)
  return texts.flatMap((expression, at) => {
    const compute = compile(expressionOf(expression), name => names.indexOf(name))
    const isSame = (javascript: unknown, python: unknown): boolean =>
      typeof javascript === 'number' && typeof python === 'number'
        ? Math.abs(javascript - python) <= rounding * Math.abs(python)
        : javascript === python
    const row = rows.findIndex((each, index) => !isSame(compute(each), answers[index]![at]))
    return row < 0 ? [] : [{ expression, row: rows[row]!, javascript: compute(rows[row]!), python: answers[row]![at] }]
  })
}

test('the package for Python computes the same of thousands of rows', { timeout: 120_000 }, async () => {
  const texts = [...Object.values(exact).flat(), ...zoned, 'upper(s)', "replace(s, 'a', u)"]
  assert.deepEqual(await differences(texts), [])
  assert.deepEqual(await differences(rounded, roundedWithin), [])
})
