import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { signalGroup } from './processes.ts'

/** A command in a process group of its own. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** On abort the group is asked to end (TERM), and after `graceMs` is ended (KILL). */
  readonly signal: AbortSignal
  readonly graceMs: number
  /** Each line of its output and of its errors, as they come. */
  onLine(line: string): void
  /** Called with the group's pid once it runs. */
  onStart?(pid: number): void
}

/** How it ended: one of the two is null. `lines` are its last ones. */
export interface Exit {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
}

const lastLinesMax = 20
const lineCharactersMax = 16 * 1024
/** How long output may still come after the command has ended and its group was killed. */
const drainMs = 1_000

/** Runs a command to its end; when it resolves nothing of its group is left. Rejects when it cannot be started. */
export function runCommand(command: Command): Promise<Exit> {
  const { file, args, cwd, env, signal, graceMs } = command
  const lines: string[] = []
  const onLine = (line: string): void => {
    lines.push(line)
    if (lines.length > lastLinesMax) lines.shift()
    command.onLine(line)
  }
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const { pid } = child
    child.on('error', reject)
    if (pid === undefined) return
    const flush = [linesOf(child.stdout, onLine), linesOf(child.stderr, onLine)]
    command.onStart?.(pid)

    let kill: NodeJS.Timeout | undefined
    const end = (): void => {
      signalGroup(pid, 'SIGTERM')
      kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })

    let drain: NodeJS.Timeout | undefined
    child.on('exit', () => {
      clearTimeout(kill)
      signal.removeEventListener('abort', end)
      // What it has left in the background holds its output open, and has nothing to live for.
      signalGroup(pid, 'SIGKILL')
      drain = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, drainMs)
    })
    child.on('close', (code, killedBy) => {
      clearTimeout(drain)
      for (const rest of flush) rest()
      resolve({ pid, code, signal: killedBy, lines })
    })
  })
}

/** Calls back for each line; a line that never ends is cut. Returns what to call at the end, for a last line without one. */
function linesOf(stream: Readable, onLine: (line: string) => void): () => void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/)
    rest = lines.pop()!
    for (const line of lines) onLine(line)
    while (rest.length > lineCharactersMax) {
      onLine(rest.slice(0, lineCharactersMax))
      rest = rest.slice(lineCharactersMax)
    }
  })
  return () => {
    if (rest !== '') onLine(rest)
  }
}

/** How a command ended, as the end of a sentence. */
export const describeExit = ({ code, signal }: { code: number | null; signal: string | null }): string =>
  code === null ? `was killed by ${signal}` : `ended with exit code ${code}`

/** The last lines under a sentence, which is often all that is needed to mend the code. */
export const withLines = (sentence: string, lines: readonly string[]): string =>
  lines.length === 0 ? sentence : `${sentence} Its last lines:\n${lines.map(line => `  ${line}`).join('\n')}`
