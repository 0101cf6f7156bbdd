import type { Command } from 'commander'
import { z } from 'zod'
import { exitCodes } from '../src/cli/output.ts'
import { verbs } from '../src/cli/program.ts'
import { statusOf } from '../src/http/index.ts'
import { envName, flagName, settings } from '../src/kernel/config.ts'
import { errorCatalogue, type ErrorCode } from '../src/kernel/error.ts'
import { ProjectFile } from '../src/project/project-file.ts'
import { refusals } from '../src/serving/server/request-error.ts'
import { sections } from './schema-page.ts'

/** The pages that are printed from code: path to text. */
export const pages = (): Readonly<Record<string, string>> => ({
  'docs/errors.md': errors(),
  'docs/config.md': config(),
  'docs/cli.md': cli(),
  'docs/project-file.md': projectFile(),
})

const printed = 'Printed from code by `npm run docs`; a test holds them equal.'

const errors = (): string =>
  [
    '# Errors',
    '',
    `Every error answer is \`application/problem+json\` (RFC 9457): \`type\` is \`/errors/<code>\`, \`title\` is a sentence, and the other`,
    'fields are facts: ids, limits, what is allowed. The command line prints the same sentence and exits with the code below.',
    printed,
    '',
    '| code | HTTP | exit | meaning |',
    '|---|---|---|---|',
    ...Object.entries(errorCatalogue).map(
      ([code, meaning]) => `| \`${code}\` | ${statusOf[code as ErrorCode]} | ${exitCodes[code] ?? 1} | ${meaning} |`,
    ),
    "| `internal` | 500 | 1 | A fault of the server. It is in the server's log; its words are not shown. |",
    '',
    '## The model server',
    '',
    'On its port (7071) an error is what clients of its protocols read: `{"error": "…", "code": "…", "request_id": "…"}`. `error` is a',
    'sentence, `request_id` is what `x-request-id` says; `/invocations` adds `error_code` and `message`, as MLflow has them.',
    '',
    '| code | HTTP | meaning |',
    '|---|---|---|',
    ...Object.entries(refusals).map(([code, { status, meaning }]) => `| \`${code}\` | ${status} | ${meaning} |`),
    '',
  ].join('\n')

const config = (): string =>
  [
    '# Settings',
    '',
    'A flag wins over the environment, the environment over `trainyard.config.json` in the folder of the start, that over the',
    `default. ${printed}`,
    '',
    '| setting | flag | environment | default | |',
    '|---|---|---|---|---|',
    ...Object.entries(settings).map(
      ([name, { type, help }]) =>
        `| \`${name}\` | \`${flagName(name)}\` | \`${envName(name)}\` | ${fallback(type.parse(undefined))} | ${help} |`,
    ),
    '',
  ].join('\n')

const fallback = (value: unknown): string =>
  value === '' ? '' : `\`${typeof value === 'object' ? JSON.stringify(value) : String(value as string | number)}\``

const cli = (): string =>
  [
    '# Command line',
    '',
    'Results go to standard output, progress to standard error; `--json` makes every result one JSON value. Exit codes: 0 done,',
    '1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 a conflict, gate or contract, 7 no server, 130 interrupted.',
    'The server that is asked is that of `--server <url>`, else of `TRAINYARD_SERVER`, else the last one started on `.trainyard` of',
    'this folder or one above, else `http://127.0.0.1:7070`. Its token is `TRAINYARD_TOKEN`.',
    printed,
    '',
    ...verbs.flatMap(verb =>
      verb.verbs
        ? verb.verbs.flatMap(inner => verbLines(inner.command(), `${verb.command().name()} `))
        : verbLines(verb.command()),
    ),
  ].join('\n')

const verbLines = (command: Command, group = ''): readonly string[] => [
  `## trainyard ${group}${command.name()} ${command.registeredArguments.map(argument => (argument.required ? `<${argument.name()}>` : `[${argument.name()}${argument.variadic ? '…' : ''}]`)).join(' ')}`.trimEnd(),
  '',
  command.description(),
  '',
  ...options(command),
]

/** The server's verbs take every setting as a flag: those are in docs/config.md. */
function options(command: Command): readonly string[] {
  const known = new Set([...Object.keys(settings).map(flagName), '--json', '--server'])
  const own = command.options.filter(option => !known.has(option.long ?? ''))
  return own.length === 0
    ? []
    : [...own.map(option => `- \`${option.flags}\`${option.mandatory ? ', required' : ''}: ${option.description}`), '']
}

const projectFile = (): string =>
  [
    '# The project file',
    '',
    '`trainyard.ts` (default export of `defineProject({ … })`) or `trainyard.yaml`: one schema. What it declares is changed nowhere',
    'else: `trainyard plan` shows what would change, `trainyard apply` or a push to `main` changes it. Numbers in brackets are steps of',
    `the paper's figure 4. [examples/rain](../examples/rain/trainyard.ts) is a whole one. ${printed}`,
    '',
    ...sections('', z.toJSONSchema(ProjectFile, { io: 'input' }), 1),
  ].join('\n')
