import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { common, mayKnow } from '../architecture.ts'

const imports = globSync('src/**/*.ts').flatMap(file =>
  Array.from(readFileSync(file, 'utf8').matchAll(/(?:from|import\(?)\s*'([.#][^']+)'/g), ([, to]) => ({
    file,
    from: file.split('/')[1]!,
    to: to!,
  })),
)
const inComponents = imports.filter(({ from }) => from in mayKnow)

test('the imports are really read', () => {
  assert.ok(imports.length > 100, `only ${imports.length} imports were found`)
})

test('the listing of src/ is the figure of the paper, and what ties it together', () => {
  const tied = ['cli', 'composition', 'demo', 'index.ts', 'loop.test.ts', 'loop.ts', 'main.ts']
  assert.deepEqual(readdirSync('src').toSorted(), [...Object.keys(mayKnow), ...tied].toSorted())
})

test('a # import enters a component that the importer may know', () => {
  const trespasses = inComponents.filter(({ from, to }) => {
    const door = to.slice(1).split('/')[0]!
    return to.startsWith('#') && door !== from && !common.includes(door) && !mayKnow[from]!.includes(door)
  })
  assert.deepEqual(trespasses, [])
})

test('a relative import stays inside its component', () => {
  const escapes = inComponents
    .filter(({ to }) => to.startsWith('.'))
    .map(({ file, from, to }) => ({ file, from, to: normalize(join(dirname(file), to)) }))
    .filter(({ from, to }) => !to.startsWith(`src/${from}/`))
  // A test that starts a process as it is shipped makes it anew.
  assert.deepEqual(escapes, [{ file: 'src/serving/testing.ts', from: 'serving', to: 'scripts/built.ts' }])
})

test('the kernel and the statistics know nobody', () => {
  assert.deepEqual(
    inComponents.filter(({ from, to }) => common.includes(from) && to.startsWith('#') && !to.startsWith(`#${from}/`)),
    [],
  )
})

test('the order of components has no circle', () => {
  const order = Object.keys(mayKnow)
  for (const [name, known] of Object.entries(mayKnow)) {
    for (const other of known)
      assert.ok(order.indexOf(other) < order.indexOf(name), `${name} knows ${other}, which stands below it`)
  }
})

test('only one file knows where code lies: in the bundle all others lie elsewhere', () => {
  const knowing = globSync('src/**/*.ts', { exclude: ['src/**/*.{test,contract}.ts', 'src/**/testing*.ts'] }).filter(
    path => readFileSync(path, 'utf8').includes('import.meta'),
  )
  assert.deepEqual(knowing, ['src/kernel/place.ts'])
})
