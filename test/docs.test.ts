import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { verbs } from '../src/cli/program.ts'
import { pages } from '../scripts/pages.ts'
import { crashPointsInCode } from './testing.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const documents = globSync('**/*.md', { cwd: root, exclude: ['**/node_modules', 'dist', '**/.*'] })

for (const [path, text] of Object.entries(pages())) {
  test(`${path} is what the code says; otherwise: npm run docs`, () => {
    assert.equal(existsSync(join(root, path)) ? read(path) : '', text)
  })
}

test('docs/crash-points.md names every crash point of the code, and no other', () => {
  const named = [...read('docs/crash-points.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!)

  assert.deepEqual(named, crashPointsInCode())
})

test('every link to a file of the repository leads somewhere', () => {
  const links = documents.flatMap(path => linksOf(read(path)).map(link => ({ path, link })))

  assert.ok(links.length > 20, `${links.length} links`)
  assert.deepEqual(
    links.filter(({ path, link }) => !existsSync(join(root, dirname(path), link))),
    [],
  )
})

/** Targets of links and images that are not addresses, without anchors. Code is not text. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/```.*?```/gs, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => decodeURIComponent(target!.split('#')[0]!))
    .filter(target => target !== '' && !/^[a-z]+:/.test(target))
}

test('every command in the documents is a script of package.json or a verb of the command line', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const known = new Set([
    ...Object.keys(scripts).map(script => `npm ${script}`),
    ...verbs.map(verb => `trainyard ${verb.command().name()}`),
  ])
  const commands = documents.flatMap(path => commandsOf(read(path)).map(command => `${command} in ${path}`))

  assert.ok(commands.length > 10, `${commands.length} commands`)
  assert.deepEqual(
    commands.filter(command => !known.has(command.split(' in ')[0]!)),
    [],
  )
})

/** `npm run x`, `npm test` and `trainyard x` in code, each as the set of known commands names them. */
function commandsOf(text: string): readonly string[] {
  const code = [...text.matchAll(/```sh\n(.*?)```|`([^`\n]+)`/gs)]
    .map(([, block, inline]) => block ?? inline!)
    .join('\n')
  return [
    ...[...code.matchAll(/\bnpm (?:run )?(\w[\w:]*)/g)]
      .map(([, name]) => `npm ${name}`)
      .filter(name => !npmOwn.has(name)),
    ...[...code.matchAll(/(?:^|npx |&& )trainyard (\w[\w-]*)/gm)].map(([, name]) => `trainyard ${name}`),
  ]
}

const npmOwn = new Set(['npm ci', 'npm install', 'npm link', 'npm publish'])
