import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { rolldown, type Plugin, type RolldownOutput } from 'rolldown'
import { build } from 'vite'
import { weatherFile } from '../src/demo/weather.ts'

/**
 * Makes dist/: all that runs. Code is bundled, which makes of 1,600 files two dozen and the start more than twice as fast
 * (docs/adr/0009-bundle.md). What is started by its name stays a file of its own, where src/kernel/place.ts looks for it.
 */

/** Kept out of the bundle: what brings machine code, and what few installations load. */
const installed = ['@duckdb/node-api', '@kubernetes/client-node', 'onnxruntime-node', 'pg']
/** In the bundle, and installed all the same: types of projects refer to them. */
const typed = ['zod']

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
/** Where it is made: nobody finds half of it in its place. */
const draft = join(root, `node_modules/.cache/trainyard-dist-${process.pid}`)

export async function makeBundle(): Promise<void> {
  const modules = (await Promise.all([bundleCode(), bundleEmbedded(), buildPages()])).flat()
  copyFiles()
  writeManifest()
  writeNotices(packagesIn(modules))
  rmSync(dist, { recursive: true, force: true })
  renameSync(draft, dist)
}

/**
 * Node's own modules as objects, not as modules: an import reads every export, and with those of `node:http` come 30 files
 * of a client that nobody uses at the start. The bundle's own runtime imports `node:module`.
 */
const builtins: Plugin = {
  name: 'builtins',
  resolveId: source => (isBuiltin(source) && !source.endsWith('module') ? `\0builtin:${source}` : null),
  load(id) {
    const [, name] = /^\0builtin:(.+)/.exec(id) ?? []
    return name === undefined ? null : `module.exports = process.getBuiltinModule('${name}')`
  },
}

/** Answers the paths of all modules that it holds. */
async function bundleCode(): Promise<readonly string[]> {
  const programs = globSync('src/{index,**/{main,*-main,*-worker,*-hook}}.ts', { cwd: root })
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(programs.map(path => [path.slice('src/'.length, -'.ts'.length), path])),
    platform: 'node',
    plugins: [builtins],
    external: installed.map(name => new RegExp(`^${name}(/|$)`)),
    logLevel: 'warn',
  })
  // place.ts finds everything from where it lies itself: one folder below dist/.
  const { output } = await bundle.write({
    dir: draft,
    format: 'esm',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'builtins', test: /^\0builtin:/ }] },
  })
  return modulesOf(output)
}

/** The program of embedded packages, which goes to other machines by itself: one file. Answers the paths of all its modules. */
async function bundleEmbedded(): Promise<readonly string[]> {
  const bundle = await rolldown({
    cwd: root,
    input: { index: 'src/serving/server/embedded/program.ts' },
    platform: 'node',
    external: ['onnxruntime-node'],
    logLevel: 'warn',
  })
  const { output } = await bundle.write({ dir: join(draft, 'embedded'), format: 'esm', codeSplitting: false })
  return modulesOf(output)
}

/** Answers the paths of all modules that they hold. */
async function buildPages(): Promise<readonly string[]> {
  const outDir = join(draft, 'web')
  const built = await build({ root: join(root, 'web'), logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  return modulesOf((built as Pick<RolldownOutput, 'output'>).output)
}

const modulesOf = (output: RolldownOutput['output']): readonly string[] =>
  output.flatMap(file => (file.type === 'chunk' ? file.moduleIds : []))

/** Packages that have been bundled, by their folders. */
function packagesIn(modules: readonly string[]): readonly string[] {
  const folders = modules.flatMap(id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
  return [...new Set(folders)].toSorted()
}

/** The licence texts of all that has been bundled, which ask to go with it. */
function writeNotices(packages: readonly string[]): void {
  const texts = packages.map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const files = globSync('{LICENSE,LICENCE,License,license,NOTICE,COPYING}*', { cwd: folder })
    const text = files.map(file => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
    return `${name} ${version}: ${license}\n\n${text}\n`
  })
  writeFileSync(join(draft, 'NOTICES'), texts.join(`\n${'-'.repeat(80)}\n\n`))
}

function copyFiles(): void {
  const copy = (from: string, to: string, isWanted: (path: string) => boolean = () => true): void =>
    cpSync(join(root, from), join(draft, to), { recursive: true, filter: isWanted })
  for (const path of ['bin', 'README.md', 'LICENSE']) copy(path, path)
  // What stands among the code and is none of ours to bundle: programs of another language, schemas of wires.
  for (const path of globSync('src/**/*.{py,proto}', { cwd: root })) copy(path, path.slice('src/'.length))
  copy('examples', 'examples', path => !/node_modules|\.test\.ts$/.test(path.slice(root.length)))
  mkdirSync(join(draft, 'examples/data'), { recursive: true })
  cpSync(weatherFile(), join(draft, 'examples/data/weather.csv'))
}

/** The repository's manifest with its door turned to the bundle; the Node that it runs under comes as a dependency. */
function writeManifest(): void {
  const { name, version, description, license, bin, type, engines, imports, ...rest } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const { dependencies, devDependencies, allowScripts } = rest
  const doors = Object.entries<string>(imports).map(([door, path]) => [
    door,
    { types: path.replace('/src/', '/').replace(/\.ts$/, '.d.ts') },
  ])
  const needed = [...installed, ...typed].map(one => [one, dependencies[one]])
  const manifest = {
    name,
    version,
    description,
    license,
    bin,
    type,
    engines,
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    imports: Object.fromEntries(doors),
    files: ['**/*'],
    dependencies: { ...Object.fromEntries(needed), node: devDependencies.node },
    allowScripts,
  }
  writeFileSync(join(draft, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
