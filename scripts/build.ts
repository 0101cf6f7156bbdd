import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { weatherFile } from '../src/demo/weather.ts'

/**
 * Makes dist/, the package that is published (`npm publish ./dist`). Its manifest is the repository's with every door
 * turned to the compiled file; the Node that it runs under comes as a dependency, and the demo's data comes along.
 */

const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: 'inherit' })

rmSync('dist', { recursive: true, force: true })
run('tsc', '-p', 'tsconfig.build.json')
run('vite', 'build', 'web', '--outDir', '../dist/web', '--emptyOutDir', '--logLevel', 'warn')
for (const path of ['bin', 'README.md', 'LICENSE']) cpSync(path, join('dist', path), { recursive: true })
for (const program of ['shim', 'courier'])
  cpSync(`src/compute/${program}`, `dist/compute/${program}`, {
    recursive: true,
    filter: path => !path.endsWith('__pycache__'),
  })
cpSync('examples', 'dist/examples', {
  recursive: true,
  filter: path => !path.includes('node_modules') && !path.endsWith('examples.test.ts'),
})
mkdirSync('dist/examples/data')
cpSync(weatherFile(), 'dist/examples/data/weather.csv')

const {
  private: _private,
  scripts: _scripts,
  devDependencies,
  allowScripts,
  ...manifest
} = JSON.parse(readFileSync('package.json', 'utf8'))
const published = {
  ...manifest,
  files: ['**/*'],
  dependencies: { ...manifest.dependencies, node: devDependencies.node },
  allowScripts,
}
writeFileSync(
  'dist/package.json',
  `${JSON.stringify(published, null, 2).replaceAll(/"\.\/src\/([^"]+)\.ts"/g, '"./$1.js"')}\n`,
)
