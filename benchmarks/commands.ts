import { spawnSync } from 'node:child_process'
import { printTable } from './table.ts'

/** The two commands of the README after installation, whole processes. */

const seconds = (command: string, ...args: string[]): { seconds: string; exit: number } => {
  const before = performance.now()
  const { status } = spawnSync(command, args, { stdio: 'ignore' })
  return { seconds: ((performance.now() - before) / 1_000).toFixed(1), exit: status ?? -1 }
}

printTable('The two commands', [
  { command: 'npm run demo -- --once', ...seconds('npm', 'run', 'demo', '--', '--once'), 'limit s': 90 },
  { command: 'npm test', ...seconds('npm', 'test'), 'limit s': 180 },
])
