#!/usr/bin/env node
// Starts the command line under the right Node: this file is plain JavaScript so that any Node >= 20 can read it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = 26
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src', 'cli', 'main.ts')
const main = existsSync(source) ? source : join(root, 'cli', 'main.js')

if (Number(process.versions.node.split('.')[0]) >= needed) {
  await import(main)
} else {
  const child = spawn(createRequire(import.meta.url).resolve('node/bin/node'), [main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  // A terminal interrupts both processes; anything else reaches this one alone.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (status, signal) => {
    process.exitCode = signal ? 128 : (status ?? 1)
  })
}
