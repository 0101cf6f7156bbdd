import { messageOf } from '#kernel/error.ts'
import { describeExit, runCommand, withLines } from './command.ts'

/** Runs one step of a build in the environment's folder. Throws when it fails. */
export type Step = (command: readonly string[], env: Readonly<Record<string, string>>) => Promise<void>

interface StepParts {
  readonly folder: string
  readonly signal: AbortSignal
  log(line: string): void
  failed(why: string, cause?: object): Error
}

const graceMs = 5_000

/** Runs the commands of a build in its folder, and logs them. Throws what `failed` makes of the last lines. */
export const buildStep =
  ({ folder, signal, log, failed }: StepParts): Step =>
  async ([file = '', ...args], env) => {
    log(`$ ${[file, ...args].join(' ')}`)
    const exit = await runCommand({ file, args, cwd: folder, env, signal, graceMs, onLine: log }).catch(
      (error: unknown) => {
        throw failed(`${messageOf(error)}.`)
      },
    )
    signal.throwIfAborted()
    if (exit.code !== 0) throw failed(withLines(`${file} ${describeExit(exit)}.`, exit.lines), { code: exit.code })
  }
