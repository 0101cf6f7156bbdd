import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf, TrainyardError } from '#kernel/error.ts'

/** Where the git program is looked for when the composition root says nothing else. */
export const usualPath = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin'

/**
 * Git's whole configuration here; that of the machine and of the repository's owner is not read. The reasons are in
 * the pitfall list of the design, B1.2.
 */
const settings: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['transfer.fsckObjects', 'true'],
  ['receive.denyDeletes', 'true'],
  ['receive.denyNonFastForwards', 'true'],
  ['receive.autogc', 'false'],
  ['receive.maxInputSize', String(512 * 1024 * 1024)],
  ['transfer.hideRefs', 'refs/keep'],
  ['transfer.hideRefs', 'refs/merge-requests'],
  ['uploadpack.allowFilter', 'true'],
  ['gc.auto', '0'],
  ['pack.threads', '1'],
  ['http.getanyfile', 'false'],
  ['http.receivepack', 'true'],
]

/** The environment of a git child at work on one repository, a folder: nothing of the platform's own. */
export function gitEnvironment({ path, repository }: { path: string; repository: string }): Record<string, string> {
  // Repositories may belong to another user of the machine, after a restore or in a container.
  const config = [...settings, ['safe.directory', repository] as const]
  return {
    PATH: path,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

const outputMax = 64 * 1024 * 1024

/** Runs git to its end and answers what it printed. Throws `unavailable` with git's own words when it fails. */
export async function git(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn('git', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    once(child, 'close'),
  ]).catch(error => {
    throw new TrainyardError(
      'unavailable',
      `The git program could not be run: ${messageOf(error)}`,
      {},
      { cause: error },
    )
  })
  if (code !== 0)
    throw new TrainyardError(
      'unavailable',
      `git ${args.find(arg => !arg.startsWith('-'))} failed: ${err.trim().slice(0, 2_000)}`,
    )
  return out
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size <= outputMax) chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
