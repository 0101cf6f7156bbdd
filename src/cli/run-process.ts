import { CommanderError } from 'commander'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { errorLines, exitCodes } from './output.ts'
import { createProgram } from './program.ts'
import { readSecret } from './read-secret.ts'

/** The process of `trainyard`: arguments in, an exit code out. Nothing else of the package ends a process. */

const interrupted = new AbortController()
const usage = 2
const byInterrupt = 130
const insistMs = 500
let asked = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first asks, a later one insists. Two at once are one, told to the whole process group and to this process.
    if (asked > 0 && performance.now() - asked > insistMs) process.exit(byInterrupt)
    asked ||= performance.now()
    interrupted.abort()
  })
}

// Whoever reads what is printed may have read enough: `trainyard runs | head`. That is no failure of the command.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })

const isJson = process.argv.includes('--json')
const program = createProgram({
  isJson,
  env: process.env, // oxlint-disable-line node/no-process-env -- the one place where the environment enters the commands
  folder: process.cwd(),
  signal: interrupted.signal,
  stdout: line => process.stdout.write(`${line}\n`),
  stderr: line => process.stderr.write(`${line}\n`),
  readSecret: question => readSecret(process.stdin, () => process.stderr.write(`${question} `)),
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usage
  if (interrupted.signal.aborted) return byInterrupt
  const known = error instanceof TrainyardError
  const lines = known ? errorLines(error) : [`✗ ${messageOf(error)}`]
  if (isJson && known)
    process.stderr.write(`${JSON.stringify({ code: error.code, message: error.message, ...error.detail })}\n`)
  else for (const line of lines) process.stderr.write(`${line}\n`)
  return known ? (exitCodes[error.code] ?? 1) : 1
}
