import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { common, mayKnow } from '../architecture.ts'

interface Import {
  readonly file: string
  /** The folder or file of src/ that the importer is, or `web`. */
  readonly from: string
  readonly to: string
}

const imports: readonly Import[] = globSync(['src/**/*.ts', 'web/**/*.{ts,tsx}'], {
  exclude: ['web/node_modules/**'],
}).flatMap(file =>
  Array.from(
    readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)[\s(]*(['"])([.#].*?)\1/g),
    ([, , to]): Import => ({ file, from: file.startsWith('web/') ? 'web' : file.split('/')[1]!, to: to! }),
  ),
)
const inComponents = imports.filter(({ from }) => from in mayKnow)
const relative = imports
  .filter(({ to }) => to.startsWith('.'))
  .map(({ file, from, to }) => ({ file, from, to: normalize(join(dirname(file), to)) }))

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
  const escapes = relative.filter(({ from, to }) => from in mayKnow && !to.startsWith(`src/${from}/`))
  // A test that starts a process as it is shipped makes it anew.
  assert.deepEqual(escapes, [{ file: 'src/serving/testing.ts', from: 'serving', to: 'scripts/built.ts' }])
})

test('what ties the components together, and the pages, enter them by their doors too', () => {
  const pastDoors = relative.filter(({ file, from, to }) => {
    const [, component = ''] = /^src\/([^/]+)\//.exec(to) ?? []
    return component in mayKnow && component !== from && file !== 'web/wire.ts' && !file.endsWith('.test.ts')
  })
  // The pages see the wire through one file, and share one rule; the package's types are what a project file may say.
  assert.deepEqual(pastDoors.map(({ file, to }) => `${file}: ${to}`).toSorted(), [
    'src/index.ts: src/project/project-file.ts',
    'web/pages/model-version-page.tsx: src/registry/production-alias.ts',
  ])
})

test('a door is one that package.json names', () => {
  const doors = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).imports)
  const isDoor = (to: string): boolean =>
    doors.some(door => door === to || (door === '#kernel/*.ts' && /^#kernel\/[\w-]+\.ts$/.test(to)))
  assert.deepEqual(
    imports.filter(({ to }) => to.startsWith('#') && !isDoor(to)),
    [],
  )
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
  // What embedded packages run lies on machines where nothing else of this code is.
  const elsewhere = 'src/serving/server/embedded/**'
  const knowing = globSync('src/**/*.ts', {
    exclude: ['src/**/*.{test,contract}.ts', 'src/**/testing*.ts', elsewhere],
  }).filter(path => readFileSync(path, 'utf8').includes('import.meta'))
  assert.deepEqual(knowing, ['src/kernel/place.ts'])
})
