import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes dist/ when it is older than what it is made from, so that a fresh clone needs no step of its own. Tests and
 * benchmarks that start a server import this file.
 */

const root = join(import.meta.dirname, '..')
const sources = [
  ...globSync('{src,web,bin,examples}/**/*.*', {
    cwd: root,
    exclude: path => /(^|\/)(node_modules|__pycache__)$|\.test\.tsx?$/.test(path),
  }),
  'package.json',
  'README.md',
  'scripts/bundle.ts',
]
const newest = Math.max(...sources.map(path => statSync(join(root, path)).mtimeMs))
const last = join(root, 'dist/NOTICES')
if (!existsSync(last) || statSync(last).mtimeMs < newest) await (await import('./bundle.ts')).makeBundle()
