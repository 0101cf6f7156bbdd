import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sql, type SqlBool } from 'kysely'
import { TrainyardError } from '#kernel/error.ts'
import { engineOf } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { compare } from './condition-sql.ts'
import { re2Regex } from './regex.ts'

/** Pattern, a text in which it is found, one in which it is not. */
const matches: readonly (readonly [pattern: string, found: string, absent: string])[] = [
  ['b.d', 'abcde', 'abd'],
  ['a.b', 'a\nb', 'ab'],
  ['^abc$', 'abc', 'abc\n'],
  ['(?i)ABC', 'xabcx', 'ab'],
  [String.raw`\bcat\b`, 'a cat.', 'concat'],
  [String.raw`^\d+$`, '123', '12a'],
  [String.raw`^[\w.-]+@\w+$`, 'a.b-c@d', 'a b@d'],
  ['^(a|bc){2,3}$', 'abca', 'a'],
  ['^(?:ab)*?$', 'abab', 'aba'],
  ['^[^a-c]$', 'd', 'b'],
  [String.raw`^[\]\[^-]+$`, '[]^-', '['.repeat(3) + 'a'],
  [String.raw`a\.b\\`, 'a.b\\', 'axb\\'],
  ['a{2}b', 'aab', 'ab'],
  ['x}', 'x}', 'x'],
  ['ä+', 'ää', 'a'],
  ['', 'anything', undefined as never],
]

const refused = [
  '(',
  ')',
  '(?=a)',
  '(?<!a)b',
  '(?P<n>a)',
  'a(?i)b',
  String.raw`(a)\1`,
  String.raw`\x41`,
  String.raw`\pL`,
  String.raw`\Qa`,
  '\\',
  '*a',
  'a**',
  'a|+',
  '^*',
  String.raw`\b+`,
  'a{',
  'a{2,1}',
  'a{256}',
  'a{,3}',
  '((a{100}){100}){100}',
  '[',
  '[]',
  '[a',
  '[z-a]',
  '[[:alpha:]]',
  '[[.a.]]',
  String.raw`[\D]`,
  '('.repeat(60) + ')'.repeat(60),
  'a'.repeat(2_001),
]

test('RLIKE refuses what the engines read differently or slowly', () => {
  for (const pattern of refused) assert.throws(() => re2Regex(pattern), { code: 'invalid' }, pattern)
})

for (const engine of testEngines()) {
  test(`RLIKE finds the same on ${engine.name} as it is said here`, async t => {
    const db = await engine.open(t, [])
    const found = async (pattern: string, text: string): Promise<boolean> => {
      const match = compare(engineOf(db), sql`cast(${text} as text)`, { operator: 'RLIKE', value: pattern })
      const { rows } = await sql<{ found: SqlBool }>`select ${match} as found`.execute(db)
      return Boolean(rows[0]!.found)
    }
    for (const [pattern, hit, miss] of matches) {
      assert.equal(await found(pattern, hit), true, pattern)
      if (miss !== undefined) assert.equal(await found(pattern, miss), false, pattern)
    }
  })

  test(`RLIKE answers evil patterns on ${engine.name} in linear time`, async t => {
    const db = await engine.open(t, [])
    for (const pattern of ['^(a+)+$', '^(a|a)*$', '(.*)*b', '^((a?){50}){2}a{50}$', '(x+x+)+y', '([^b]*c?)*d{100}']) {
      const match = compare(engineOf(db), sql`cast(${`${'a'.repeat(20_000)}!`} as text)`, {
        operator: 'RLIKE',
        value: pattern,
      })
      const start = performance.now()
      await sql`select ${match} as found`.execute(db)
      assert.ok(performance.now() - start < 2_000, `${pattern}: ${performance.now() - start} ms`)
    }
  })
}

const piece = fc.constantFrom(
  ...'a b - . ^ $ | ( (?: ) * + ? {2} {1,3} { } [ab] [^a-] [ ] (a|b) # & ! : ,'.split(' '),
  ...String.raw`\d \b \W \. [\w-]`.split(' '),
  '\n',
  ' ',
)

test('a pattern that is accepted means the same on both engines', async t => {
  const engines = testEngines()
  if (engines.length < 2) return t.skip('PostgreSQL is not there')
  const dbs = await Promise.all(engines.map(engine => engine.open(t, [])))
  const pattern = fc.array(piece, { maxLength: 8 }).map(list => list.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', '-', '1', ' ', '\n', '.', '^', 'A', '_', ']'), { maxLength: 6 })
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(pattern, text, async (value, letters) => {
      try {
        re2Regex(value)
      } catch (error) {
        assert.ok(error instanceof TrainyardError)
        return
      }
      accepted++
      const answers = dbs.map(async db => {
        const match = compare(engineOf(db), sql`cast(${letters.join('')} as text)`, { operator: 'RLIKE', value })
        const { rows } = await sql<{ found: SqlBool }>`select ${match} as found`.execute(db)
        return Boolean(rows[0]!.found)
      })
      const [sqlite, postgres] = await Promise.all(answers)
      assert.equal(sqlite, postgres)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(accepted > 300, `${accepted} patterns were accepted`)
})
