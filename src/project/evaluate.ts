import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { basename, dirname, relative, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { invalid } from '#kernel/error.ts'
import { moduleAt, packageRoot } from '#kernel/place.ts'
import type { Evaluated } from './evaluate-main.ts'

/** Give to `node --import` so that code of a project can import 'trainyard'. */
export const libraryHook: string = moduleAt('project/module-hook').href

const timeoutMs = 10_000
const bytesMax = 16 * 1024 * 1024

/**
 * The default export of a TypeScript or JavaScript module, evaluated in a process of its own that sees no environment
 * and may only read: the folder, and the platform itself. Throws `invalid` with the place when it fails or takes long.
 */
export async function evaluateModule(file: string): Promise<unknown> {
  const module = await realpath(file)
  const folder = dirname(module)
  const answer = await run(module, folder)
  if (answer === undefined)
    throw refuse(
      basename(file),
      `a module that is evaluated within ${timeoutMs / 1000} s, and does not end its process`,
    )
  if ('value' in answer) return answer.value
  const { place, reason } = blame(answer.error, folder)
  throw refuse(place ?? basename(file), reason)
}

const refuse = (field: string, allowed: string): Error =>
  invalid('The project file cannot be evaluated.', [{ field, allowed }])

async function run(module: string, folder: string): Promise<Evaluated | undefined> {
  const readable = [folder, ...platformFolders()].map(path => `--allow-fs-read=${path}${sep}*`)
  const child = spawn(
    process.execPath,
    [
      '--permission',
      ...readable,
      '--import',
      libraryHook,
      fileURLToPath(moduleAt('project/evaluate-main')),
      pathToFileURL(module).href,
    ],
    {
      cwd: folder,
      env: { NODE_NO_WARNINGS: '1' },
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    },
  )
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(stop, timeoutMs)
  try {
    const closed = once(child, 'close')
    const text = await collect(child.stdio[3] as Readable, stop)
    await closed
    return text === '' ? undefined : (JSON.parse(text) as Evaluated)
  } finally {
    clearTimeout(timer)
    stop()
  }
}

async function collect(stream: Readable, stop: () => void): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bytesMax) {
      stop()
      throw refuse('the project file', `${bytesMax >> 20} MiB of JSON at most`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The platform's own folder, and, where it is installed as a package, the packages beside it. */
function platformFolders(): string[] {
  const root = fileURLToPath(packageRoot).replace(/[/\\]$/, '')
  const beside = dirname(root)
  return basename(beside) === 'node_modules' ? [root, beside] : [root]
}

/** The first place inside the folder that the stack names, as `trainyard.ts:12:5`, and what was said. */
function blame(
  { message, stack }: { message: string; stack: string },
  folder: string,
): { place: string | undefined; reason: string } {
  for (const line of stack.split('\n')) {
    const found = /(?:file:\/\/)?((?:\/|[A-Za-z]:\\)[^()\n]*?\.[cm]?[jt]s):(\d+)(?::(\d+))?/.exec(line)
    if (!found || !found[1]!.startsWith(folder + sep)) continue
    const place = [relative(folder, found[1]!), found[2], found[3]].filter(part => part !== undefined).join(':')
    return { place, reason: message }
  }
  return { place: undefined, reason: message.replaceAll(folder + sep, '') }
}
