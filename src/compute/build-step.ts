import { messageOf } from '#kernel/error.ts'
import { describeExit, runCommand, withLines } from './command.ts'

/** Runs one step of a build in the environment's folder. Throws when it fails. */
export type Step = (command: readonly string[], env: Readonly<Record<string, string>>) => Promise<void>

interface StepParts {
  readonly folder: string
  readonly signal: AbortSignal
  /** The command as it is to be started. */
  wrap(command: readonly string[]): readonly string[]
  log(line: string): void
  failed(why: string, cause?: object): Error
}

const graceMs = 5_000

/** Runs the commands of a build in its folder, and logs them. Throws what `failed` makes of the last lines. */
export const buildStep =
  ({ folder, signal, wrap, log, failed }: StepParts): Step =>
  async (command, env) => {
    log(`$ ${command.join(' ')}`)
    const [file = '', ...args] = wrap(command)
    const exit = await runCommand({ file, args, cwd: folder, env, signal, graceMs, onLine: log }).catch(
      (error: unknown) => {
        throw failed(`${messageOf(error)}.`)
      },
    )
    signal.throwIfAborted()
    if (exit.code !== 0)
      throw failed(withLines(`${command[0]} ${describeExit(exit)}.`, exit.lines), { code: exit.code })
  }
