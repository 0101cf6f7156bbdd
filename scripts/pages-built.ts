import { execFileSync } from 'node:child_process'
import { existsSync, globSync, statSync } from 'node:fs'

/**
 * Builds the pages when they are older than their source, so that a fresh clone needs no step of its own. Of src/ they
 * take types alone.
 */

const newest = Math.max(
  ...globSync('web/**/*.{ts,tsx,js,css,svg,html}', { exclude: ['web/dist/**'] }).map(path => statSync(path).mtimeMs),
)
const built = existsSync('web/dist/index.html') ? statSync('web/dist/index.html').mtimeMs : 0
if (built < newest) execFileSync('vite', ['build', 'web', '--logLevel', 'warn'], { stdio: 'inherit' })
