import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ancestorsOf, artifactPath, filePath, nameOf, parentOf } from './artifact-path.ts'
import { rootOf } from './artifact.ts'

test('a path has one form, however often it was encoded', () => {
  const forms: readonly (readonly [string, string])[] = [
    ['1/r/artifacts/a.txt', '1/r/artifacts/a.txt'],
    ['1//r/./artifacts/', '1/r/artifacts'],
    ['', ''],
    ['.', ''],
    ['a%20b', 'a b'],
    ['a%252520b', 'a b'],
    ['gr%C3%B6%C3%9Fe', 'größe'],
    ['100%', '100%'],
    ['k%step%1%timestamp%1700000000', 'k%step%1%timestamp%1700000000'],
    ['%ff', '\uFFFD'],
    ['a%250ab', 'ab'],
    ['a;b', 'a;b'],
    ['a:b', 'a:b'],
    ['...', '...'],
  ]

  assert.deepEqual(
    forms.map(([text]) => artifactPath(text)),
    forms.map(([, path]) => path),
  )
})

test('no accepted path holds what could lead elsewhere, and its form stays as it is', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '/',
    '%2e',
    '%2f',
    '%25',
    '%5c',
    '\\',
    ';',
    '#',
    '%00',
    '%17',
    'a',
    'ü',
    'C:',
    '%',
    '\n',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      let path: string
      try {
        path = artifactPath(pieces.join(''))
      } catch {
        return
      }
      assert.equal(artifactPath(path), path)
      assert.ok(!/[\\#]/.test(path) && !/\p{Cc}/u.test(path) && !path.startsWith('/'))
      assert.ok(path.split('/').every(segment => !['..', '.'].includes(segment)) || path === '')
    }),
    { numRuns: 5_000 },
  )
})

test('a file has a path below the root, and a place among directories', () => {
  assert.throws(() => filePath('./'), { code: 'invalid', message: /^Invalid path/ })
  assert.deepEqual(
    [ancestorsOf('1/r/a/f'), parentOf('1/r/a/f'), nameOf('1/r/a/f'), parentOf('1')],
    [['1', '1/r', '1/r/a'], '1/r/a', 'f', ''],
  )
  assert.deepEqual(
    ['1/r/artifacts/f', '1/models/m-1/artifacts/f', '1/traces/tr-1/f', '1/f', '1/r/f', 'f'].map(rootOf),
    ['1/r', '1/models/m-1', '1/traces/tr-1', '1', '1/r', 'f'],
  )
})
