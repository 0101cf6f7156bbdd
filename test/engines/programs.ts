import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { findProgram } from '#kernel/program.ts'

/** A port of this machine that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No port.')
  return address.port
}

/** Where a program is, as the PATH and the folders of system programs say; undefined when it is not installed. */
export const whereIs = (name: string): string | undefined =>
  findProgram([name], `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`)

/** Looks until it holds. */
export async function untilTrue(what: string, holds: () => Promise<boolean>, msMax = 60_000): Promise<void> {
  for (const end = Date.now() + msMax; !(await holds().catch(() => false));) {
    if (Date.now() > end) throw new Error(`${what}: not within ${msMax / 1_000} s.`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** Ends a process of ours and waits until it has ended. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** A program that runs until it is ended, its output thrown away. */
export const background = (file: string, args: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string }) =>
  spawn(file, args, { ...options, stdio: 'ignore' })

/** In the environment of all that a bed starts: by it they are found, wherever they have gone. */
export const markName = 'TRAINYARD_TEST_BED'

/** Signals the processes which carry the mark, those alone whose command line fits when one is given. */
export async function signalMarked(mark: string, signal: NodeJS.Signals, command = /^/): Promise<void> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)) {
    if (!(await text(`/proc/${pid}/environ`)).split('\0').includes(mark)) continue
    if (command.test(await text(`/proc/${pid}/cmdline`)) && pid !== process.pid) kill(pid, signal)
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
