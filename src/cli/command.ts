import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command, type OptionValues } from 'commander'
import { createClient, type Client } from './client.ts'
import { createOutput, type Output } from './output.ts'

/** What every command gets besides its own options. */
export interface Context {
  readonly client: Client
  readonly output: Output
  readonly signal: AbortSignal
  /** The folder that the command was called in. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asks for a value that is shown nowhere. */
  readSecret(question: string): Promise<string>
}

/** The process around the commands, so that tests can give their own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
  readonly signal: AbortSignal
  /** Whether what is wrong with the arguments themselves is told as JSON: they are what says so. */
  readonly isJson?: boolean
  stdout(line: string): void
  stderr(line: string): void
  /** Absent where nobody can be asked. */
  readonly readSecret?: Context['readSecret']
}

/** One verb of `trainyard`: how it is called, and what it does. */
export interface Verb {
  /** A fresh commander command: parsing leaves its marks on it. */
  command(): Command
  run?(context: Context, options: OptionValues, args: readonly string[]): Promise<void>
  /** Called behind its name; of a group such as `models`, which does nothing alone, all there is. */
  readonly verbs?: readonly Verb[]
}

/** Verbs about one thing, called as `trainyard <name> <verb>`; the name alone shows them. */
export const group = (name: string, summary: string, verbs: readonly Verb[]): Verb => ({
  verbs,
  command: () => new Command(name).summary(summary).description(summary),
})

/** A verb with the options that all have. */
export const verb = (
  signature: string,
  summary: string,
  describe: (command: Command) => Command,
  run: NonNullable<Verb['run']>,
): Verb & Required<Pick<Verb, 'run'>> => ({
  run,
  command() {
    const [name, ...args] = signature.split(' ')
    const command = new Command(name).summary(summary).description(summary)
    for (const argument of args) command.argument(argument)
    return describe(command)
      .option('--json', 'print one JSON value')
      .option('--server <url>', 'address of the platform (TRAINYARD_SERVER)')
  },
})

/** The verb's command, doing its work in these surroundings. */
export function bind(verb: Verb, surroundings: Surroundings): Command {
  const { env, folder, signal, stdout, stderr, readSecret = async () => '' } = surroundings
  const command = verb.command()
  for (const inner of verb.verbs ?? []) command.addCommand(bind(inner, surroundings))
  if (!verb.run) return command
  return command.action(async () => {
    const options = command.opts()
    const server =
      (options['server'] as string | undefined) ??
      env['TRAINYARD_SERVER'] ??
      runningServer(folder) ??
      'http://127.0.0.1:7070'
    const context: Context = {
      client: createClient({ server: server.replace(/\/$/, ''), token: env['TRAINYARD_TOKEN'] }),
      output: createOutput({ json: options['json'] === true, stdout, stderr }),
      signal,
      folder,
      env,
      readSecret,
    }
    await verb.run!(context, options, command.args)
  })
}

/** The address that a server in this folder or one above has left behind. */
function runningServer(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, '.trainyard', 'server.json')
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url
    if (dirname(at) === at) return undefined
  }
}
