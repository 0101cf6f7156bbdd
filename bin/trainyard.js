#!/usr/bin/env node
// Starts the command line under the right Node: this file is plain JavaScript so that any Node >= 20 can read it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const needed = 26

if (Number(process.versions.node.split('.')[0]) >= needed) {
  // In the repository what is shipped is made from the source when that is newer.
  const isSource = existsSync(new URL('../scripts/built.ts', import.meta.url))
  if (isSource) await import('../scripts/built.ts')
  await import(isSource ? '../dist/cli/main.js' : '../cli/main.js')
} else {
  const program = [fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const child = spawn(createRequire(import.meta.url).resolve('node/bin/node'), program, { stdio: 'inherit' })
  // A terminal interrupts both processes; anything else reaches this one alone.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (status, signal) => {
    process.exitCode = signal ? 128 : (status ?? 1)
  })
}
