import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { TrainyardError } from '#kernel/error.ts'

const run = promisify(execFile)
/** Half a minute: a server that is killed several times in a row needs a second or two for each start. */
const attemptsMax = 60

/** The team's git, with nobody's configuration. A push is tried again while the server is away. */
export async function git(folder: string, args: readonly string[]): Promise<string> {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false']
  for (let attempt = 1; ; attempt++) {
    try {
      return (await run('git', [...identity, ...args], { cwd: folder })).stdout.trim()
    } catch (error) {
      if (args[0] !== 'push' || attempt >= attemptsMax)
        throw new TrainyardError(
          'task_failed',
          `git ${args[0]} failed: ${(error as { stderr?: string }).stderr ?? String(error)}`,
        )
      await sleep(500)
    }
  }
}
