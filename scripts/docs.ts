import { readFileSync, writeFileSync } from 'node:fs'
import { pages } from './pages.ts'

/** Prints the pages of docs/ that come from code. `--check` writes nothing and fails when one is out of date. */

const check = process.argv.includes('--check')
let stale = 0
for (const [path, text] of Object.entries(pages())) {
  if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === text) continue
  if (check) console.error(`${path} is out of date. Run: npm run docs`)
  else writeFileSync(path, text)
  stale++
}
if (check && stale > 0) process.exitCode = 1
